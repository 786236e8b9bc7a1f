"""The description of the API: people and programs can read it, and whatever is sent is answered as it says."""

import contextlib

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable

pytestmark = pytest.mark.slow

HERE = "http://127.0.0.1:8765"
TOKEN = "a-token-of-some-length"


def test_every_address_of_the_description_can_be_read_by_people(begin):
    client = begin()
    description = client.get("/openapi.json").json()
    page = client.get("/api").text

    assert len(description["paths"]) == 23
    assert all(path in page for path in description["paths"])


def test_a_request_is_described_by_its_type(begin):
    description = begin(n=40).get("/openapi.json").json()
    operation = description["paths"]["/api/skip"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    skip = description["components"]["schemas"]["Skip"]

    assert body == {"$ref": "#/components/schemas/Skip"}
    assert operation["summary"] == "Say that nobody can tell the class of an image; costs no budget."
    assert (skip["required"], skip["additionalProperties"]) == (["row"], False)
    assert skip["properties"]["row"] == {
        "type": "integer", "minimum": 0, "maximum": 39, "description": "Row of the image in the pool.",
    }  # fmt: skip
    assert skip["properties"]["then_next"]["default"] is False
    assert list(operation["responses"]) == ["200", "401", "403", "400", "409", "413", "415"]


def test_only_a_server_with_a_token_says_that_it_wants_one(begin, make_workspace):
    with_token = begin(token=TOKEN, workspace=make_workspace(name="with")).get("/openapi.json", headers=bearer(TOKEN))

    assert with_token.json()["security"] == [{"token": []}]
    assert "security" not in begin().get("/openapi.json").json()


def bearer(token):
    return {"Authorization": f"Bearer {token}"} if token else {}


@pytest.mark.parametrize("token", [None, TOKEN])
@pytest.mark.parametrize("mode", ["positive", "negative"])
def test_whatever_schemathesis_sends_is_answered_as_described(begin, token, mode):
    import schemathesis  # takes long

    assert {known.value for known in schemathesis.GenerationMode} == {"positive", "negative"}
    client = begin(token=token)
    schema = schemathesis.openapi.from_dict(client.get("/openapi.json", headers=bearer(token)).json())
    schema.app = client.app
    tried = set()

    for operation in [result.ok() for result in schema.get_all_operations()]:

        @settings(
            max_examples=30,
            deadline=None,
            derandomize=True,
            phases=[Phase.generate],  # to shrink what fails takes minutes
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(generation_mode=schemathesis.GenerationMode(mode)))
        def check(case):
            tried.add((case.method, case.path, str(case.body), str(case.path_parameters)))
            case.call_and_validate(base_url=HERE, headers=bearer(token))

        with contextlib.suppress(Unsatisfiable):  # nothing can be wrong with a request without parameters
            check()
    assert len(tried) > 100
