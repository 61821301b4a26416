"""The customers and their satisfaction."""

import datetime as dt
from dataclasses import dataclass
from random import Random

FIRST_DAY = dt.date(2024, 1, 1)
LAST_DAY = dt.date(2025, 12, 31)

_FIRST_NAMES = """
    Aaron Ada Aisha Alba Amir Ana Anders Astrid Ben Bianca Bruno Carla Cem Chloe Clara Dana David Dina Edgar
    Elena Elif Emil Emma Farah Felix Fiona Gina Grace Hana Hugo Ida Igor Ines Iris Ivan Jana Jonas Joy Julia
    Kai Karim Kemal Lara Lars Lea Leon Lina Luca Lucy Magnus Mara Marta Mia Milan Mona Nadia Nils Noah Nora
    Olga Omar Oscar Paul Petra Quinn Rafael Rita Rosa Ruben Sami Sara Selma Simon Sofia Tara Theo Tina Uma
    Vera Viktor Wanda Yara Yusuf Zoe
""".split()  # noqa: SIM905 (shorter than a list)
_LAST_NAMES = """
    Abadi Adler Alonso Andersen Arslan Bauer Becker Berg Blanc Bondi Brandt Castro Cohen Costa Dahl Diaz
    Duval Eder Engel Farkas Ferrari Fischer Fontana Garcia Gruber Haas Hansen Hoang Horvat Ivanov Jansen
    Jensen Kaya Keller Khan Klein Kovacs Kowal Larsen Leroy Lindt Lopez Maier Marin Mendes Moreau Nagy Nilsen
    Novak Okafor Olsen Ortega Park Pereira Peters Petrov Quist Ramos Rahman Reyes Ricci Rossi Sahin Santos
    Sato Schmid Silva Singh Sommer Stein Suzuki Tanaka Torres Urban Vargas Vogel Wagner Weber Winter Wolf
    Yilmaz Zeller Zhou
""".split()  # noqa: SIM905 (shorter than a list)


@dataclass(frozen=True)
class Customer:
    """One customer; `satisfaction` is between 0 and 1, and is not written to any file."""

    customer_id: int
    first_name: str
    last_name: str
    joined: dt.date
    satisfaction: float


def chances(seed: int, subject: str, customer_id: int) -> Random:
    """The random numbers for one subject and customer, which do not depend on the number of customers."""
    return Random(f"{seed}/{subject}/{customer_id}")


def customer(seed: int, customer_id: int) -> Customer:
    """The customer with this id."""
    random = chances(seed, "customer", customer_id)
    return Customer(
        customer_id=customer_id,
        first_name=random.choice(_FIRST_NAMES),
        last_name=random.choice(_LAST_NAMES),
        joined=FIRST_DAY + dt.timedelta(days=random.randrange(20, 640)),
        satisfaction=random.betavariate(1.5, 1.2),
    )
