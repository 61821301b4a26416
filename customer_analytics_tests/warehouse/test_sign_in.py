"""Ways of signing in to Snowflake: what each sends, and what is said when it does not work."""

import socket
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from customer_analytics.adapters import plan
from customer_analytics.doctor import examine
from customer_analytics.embedded_snowflake import Endpoint
from customer_analytics.ports.warehouse import snowflake
from customer_analytics.ports.warehouse.embedded import EmbeddedWarehouse
from customer_analytics.ports.warehouse.snowflake import SnowflakeWarehouse
from customer_analytics.settings import Settings
from customer_analytics_tests.warehouse.snowflake_account import LoopbackWarehouse, refusing_account

PLACE = {"account": "myorg-acc", "user": "PIPELINE", "database": "D", "schema_name": "S"}
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(passphrase: str | None = None) -> str:
    no, best = serialization.NoEncryption(), serialization.BestAvailableEncryption
    encryption = best(passphrase.encode()) if passphrase else no
    return KEY.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption).decode()


@pytest.fixture
def key_file(tmp_path: Path) -> str:
    path = tmp_path / "rsa_key.p8"
    path.write_text(pem("open sesame"))
    return str(path)


@pytest.mark.parametrize(
    ("settings", "authenticator"),
    [
        ({"authentication": "key-pair", "private_key": pem()}, "SNOWFLAKE_JWT"),
        ({"authentication": "token", "token": "pat"}, "PROGRAMMATIC_ACCESS_TOKEN"),
        ({"authentication": "oauth", "token": "access"}, "OAUTH"),
        # What is set beside does not decide: the key goes unused.
        ({"authentication": "oauth", "token": "access", "private_key": pem()}, "OAUTH"),
    ],
)
def test_the_way_that_is_named_signs_in(settings: dict[str, Any], authenticator: str) -> None:
    with refusing_account("390144", "No.") as (port, sign_ins):
        made = LoopbackWarehouse(port=port, role="R", **settings, **PLACE)
        with pytest.raises(
            ConnectionError, match=r"Snowflake refused user PIPELINE by .*No\)\. Check SNOWFLAKE_USER"
        ):
            made.query("SELECT 1")
    assert {sign_in["AUTHENTICATOR"] for sign_in in sign_ins} == {authenticator}
    assert {sign_in["LOGIN_NAME"] for sign_in in sign_ins} == {"PIPELINE"}
    assert sign_ins[0]["SESSION_PARAMETERS"]["STATEMENT_TIMEOUT_IN_SECONDS"] == 3600


def test_an_encrypted_key_file_signs_in_with_its_passphrase(key_file: str) -> None:
    way = {"authentication": "key-pair", "private_key_path": key_file, "private_key_passphrase": "open sesame"}
    with refusing_account("390144", "No.") as (port, sign_ins), pytest.raises(ConnectionError):
        LoopbackWarehouse(port=port, **way, **PLACE).query("SELECT 1")
    assert sign_ins[0]["AUTHENTICATOR"] == "SNOWFLAKE_JWT"


def test_a_browser_signs_in_as_the_user() -> None:
    made = SnowflakeWarehouse(authentication="browser", **PLACE).snowflake({})
    assert made._connection_args["authenticator"] == "EXTERNALBROWSER"


@pytest.mark.parametrize(
    ("key", "passphrase", "says"),
    [
        ("gone", None, "cannot be read"),
        ("encrypted", None, "is encrypted; set SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        ("encrypted", "wr0ng", "does not open with SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        ("plain", "wr0ng", "is not encrypted; unset SNOWFLAKE_PRIVATE_KEY_PASSPHRASE"),
        ("garbage", None, "is no private key in PEM form"),
    ],
)
def test_what_is_wrong_with_a_key_is_said_and_nothing_of_it(
    tmp_path: Path, key: str, passphrase: str | None, says: str
) -> None:
    contents = {"encrypted": pem("open sesame"), "plain": pem(), "garbage": pem()[30:60]}
    path = tmp_path / f"{key}.p8"
    if key in contents:
        path.write_text(contents[key])
    made = SnowflakeWarehouse(
        authentication="key-pair", private_key_path=str(path), private_key_passphrase=passphrase, **PLACE
    )
    with pytest.raises(ValueError, match=says) as error:
        made.session()
    assert "wr0ng" not in str(error.value)
    assert pem()[30:60] not in str(error.value)


@pytest.mark.parametrize(
    ("way", "missing"),
    [
        ("key-pair", "SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER"),
        ("token", "SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER, SNOWFLAKE_TOKEN"),
        ("browser", "SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER"),
        ("connection", "SNOWFLAKE_CONNECTION_NAME"),
    ],
)
def test_what_a_way_needs_and_does_not_have_is_named(way: Any, missing: str) -> None:
    with pytest.raises(ValueError, match=f"AUTHENTICATION={way} needs {missing}; set it"):
        SnowflakeWarehouse(authentication=way, database="D", schema_name="S").session()


def test_an_account_that_does_not_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snowflake, "_LOGIN_SECONDS", 2)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        made = LoopbackWarehouse(port=unused.getsockname()[1], authentication="token", token="pat", **PLACE)
        with pytest.raises(
            ConnectionError, match=r"No Snowflake account answers .* Check SNOWFLAKE_ACCOUNT=myorg-acc"
        ):
            made.query("SELECT 1")


@pytest.fixture
def connections(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection of connections.toml that leads to the test session's endpoint, and one with a wrong password."""
    lines = []
    for name, password in (("mine", endpoint.token), ("wrong", "not the token")):
        lines += [
            f"[{name}]",
            'account = "embedded"',
            'user = "me"',
            f'password = "{password}"',
            'host = "127.0.0.1"',
        ]
        lines += [f"port = {endpoint.port}", 'protocol = "http"', 'database = "ELSEWHERE"', 'role = "ANALYST"']
    monkeypatch.setenv("SNOWFLAKE_CONNECTIONS", "\n".join(lines))


def named(name: str, database: str = "TEST", **settings: Any) -> SnowflakeWarehouse:
    return SnowflakeWarehouse(
        authentication="connection", connection_name=name, database=database, schema_name="PUBLIC", **settings
    )


@pytest.mark.usefixtures("connections")
class TestNamedConnection:
    def test_it_signs_in_and_settings_come_before_what_it_says(self, warehouse: EmbeddedWarehouse) -> None:
        current = "SELECT CURRENT_DATABASE() AS DATABASE, CURRENT_ROLE() AS ROLE, CURRENT_WAREHOUSE() AS WAREHOUSE"
        (row,) = named("mine", warehouse="SMALL").query(current).to_pylist()
        assert row == {"DATABASE": "TEST", "ROLE": "ANALYST", "WAREHOUSE": "SMALL"}

    def test_an_unknown_name_is_told_with_those_that_exist(self) -> None:
        with pytest.raises(ValueError, match=r"no connection 'other' \(it has mine, wrong\)"):
            named("other").session()

    def test_a_refused_one_is_named(self) -> None:
        with pytest.raises(
            ConnectionError, match=r"refused the connection 'wrong' .* its entry in connections\.toml"
        ):
            named("wrong").query("SELECT 1")

    def test_doctor_tries_what_the_pipeline_does_and_leaves_nothing(self, warehouse: EmbeddedWarehouse) -> None:
        described = named("mine", warehouse="SMALL").describe()
        assert "virtual warehouse SMALL, all privileges there" in described
        left = "SELECT COUNT(*) AS N FROM TEST.INFORMATION_SCHEMA.SCHEMATA WHERE SCHEMA_NAME LIKE 'DOCTOR%'"
        assert warehouse.query(left).to_pylist() == [{"N": 0}]

    def test_doctor_names_the_privilege_that_is_lacking(self) -> None:
        with pytest.raises(
            PermissionError, match=r'Role ANALYST seems to lack USAGE on schema "NOWHERE"."PUBLIC"'
        ):
            named("mine", database="NOWHERE", warehouse="SMALL").describe()

    def test_doctor_goes_on_when_one_system_fails(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("CUSTOMER_ANALYTICS_WAREHOUSE", "snowflake")
        monkeypatch.setenv("CUSTOMER_ANALYTICS_SNOWFLAKE_AUTHENTICATION", "token")
        monkeypatch.setenv("CUSTOMER_ANALYTICS_HOME", str(tmp_path))
        monkeypatch.delenv("SNOWFLAKE_TOKEN", raising=False)
        findings = {finding.subject: finding for finding in examine(Settings())}
        assert not findings["warehouse (snowflake)"].sound
        assert findings["warehouse (snowflake)"].detail == "Set SNOWFLAKE_TOKEN."
        assert findings["vectors (lance)"].sound


@pytest.mark.parametrize(("deployment", "database"), [("development", "SHOP_DEV"), ("production", "SHOP")])
def test_one_setting_chooses_the_database(monkeypatch: pytest.MonkeyPatch, deployment: str, database: str) -> None:
    monkeypatch.setenv("CUSTOMER_ANALYTICS_WAREHOUSE", "snowflake")
    monkeypatch.setenv("CUSTOMER_ANALYTICS_DATABASE", "SHOP")
    monkeypatch.setenv("CUSTOMER_ANALYTICS_DEPLOYMENT", deployment)
    assert plan(Settings())[0]["warehouse"].database == database
