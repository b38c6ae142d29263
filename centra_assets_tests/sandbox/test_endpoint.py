"""What comes back over HTTP: status codes, errors, extensions, tokens."""

import httpx

from centra_assets.sandbox.serve import RunningSandbox


def test_a_query_is_answered_with_its_cost_and_permissions(ask):
    answer = ask("{ orders(limit: 2) { number customer: store { id } } }")
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["data"]["orders"]) == 2
    assert body["extensions"]["complexity"] == 2 * (1 + 1)
    assert body["extensions"]["permissionsUsed"] == ["Order:read"]
    assert body["extensions"]["appVersion"].startswith("v")


def test_a_wrong_token_is_403_and_no_graphql(sandbox: RunningSandbox):
    answer = httpx.post(sandbox.url, json={"query": "{ stores { id } }"}, headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 403
    assert "errors" not in answer.json()


def test_the_token_may_come_as_a_cookie(sandbox: RunningSandbox):
    answer = httpx.post(
        sandbox.url, json={"query": "{ stores { id } }"}, headers={"Cookie": f"graphql-access={sandbox.token}"}
    )
    assert answer.status_code == 200


def test_an_unknown_field_a_syntax_error_and_a_missing_variable_are_400(ask):
    for query in ("{ orders(limit: 1) { numbr } }", "{ orders(", "query Q($n: Int!) { orders(limit: $n) { number } }"):
        answer = ask(query)
        assert answer.status_code == 400, query
        assert answer.json()["errors"][0]["message"]


def test_a_date_variable_declared_as_text_is_400(ask):
    query = "query Q($from: String) { orders(limit: 1, where: {createdAt: {from: $from}}) { number } }"
    assert ask(query, **{"from": "2024-01-01"}).status_code == 400


def test_a_body_that_is_no_json_is_400(sandbox: RunningSandbox):
    answer = httpx.post(sandbox.url, content=b"{", headers={"Authorization": f"Bearer {sandbox.token}"})
    assert answer.status_code == 400


def test_a_missing_permission_is_200_with_an_error_that_names_it_and_no_data(sandbox: RunningSandbox):
    minted = httpx.post(f"{sandbox.admin_url}/tokens", json={"permissions": ["Order:read"]}).json()["token"]
    query = "{ orderConnection(first: 1) { edges { node { number billingAddress { city } } } } }"
    answer = httpx.post(sandbox.url, json={"query": query}, headers={"Authorization": f"Bearer {minted}"})
    assert answer.status_code == 200
    body = answer.json()
    assert "data" not in body
    assert body["errors"][0]["message"] == "You need Order.billingAddress:read permission to access billingAddress."
    assert body["errors"][0]["extensions"] == {"category": "authorization"}
    assert body["errors"][0]["path"] == ["orderConnection", "edges", 0, "node", "billingAddress"]
    assert "complexity" in body["extensions"]


def test_introspection_describes_the_schema_that_is_served(ask):
    types = ask("{ __schema { queryType { name } types { name } } }").json()["data"]["__schema"]
    assert types["queryType"]["name"] == "Query"
    assert "DirectToConsumerOrder" in {each["name"] for each in types["types"]}


def test_a_mutation_that_is_not_served_says_so(ask):
    answer = ask("mutation { deletePricelist(id: 1) { userErrors { message } } }").json()
    assert "data" not in answer
    assert "not served" in answer["errors"][0]["message"]
