"""Where a Weaviate server answers, from its URL."""

import pytest

from customer_analytics.ports.vectors.weaviate_connection import Address


@pytest.mark.parametrize(
    ("address", "http", "grpc"),
    [
        (Address("http://127.0.0.1:8080"), "http://127.0.0.1:8080", "127.0.0.1:50051"),
        (Address("http://weaviate:8080", grpc_host="grpc", grpc_port=9), "http://weaviate:8080", "grpc:9"),
        (Address("https://vectors.example.com"), "https://vectors.example.com:443", "vectors.example.com:50051"),
        (
            Address("https://abc.c0.europe-west3.gcp.weaviate.cloud"),
            "https://abc.c0.europe-west3.gcp.weaviate.cloud:443",
            "grpc-abc.c0.europe-west3.gcp.weaviate.cloud:443",
        ),
        (
            Address("https://abc.weaviate.network"),
            "https://abc.weaviate.network:443",
            "abc.grpc.weaviate.network:443",
        ),
    ],
)
def test_grpc_is_derived_where_it_is_not_given(address: Address, http: str, grpc: str) -> None:
    parameters = address.parameters()
    assert (parameters._http_url, parameters._grpc_target) == (http, grpc)
    assert parameters.http.secure == parameters.grpc.secure == http.startswith("https")


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://weaviate", "https://user:secret@weaviate", ""])
def test_a_url_that_is_none_is_refused_without_its_credentials(url: str) -> None:
    with pytest.raises(ValueError, match="WEAVIATE_URL must be like") as refusal:
        Address(url).parameters()
    assert "secret" not in str(refusal.value)
