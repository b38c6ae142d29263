"""The six buckets: what is charged, when it is refused, when it may resume."""

from hypothesis import given
from hypothesis import strategies as st

from centra_assets.sandbox.endpoint import retry_after
from centra_assets.sandbox.faults import RetryAfterForm
from centra_assets.sandbox.quota import INTERVALS, Plan, Quota

START = 1_700_000_000.0


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 60_000), st.integers(0, 5)), max_size=80))
def test_no_stretch_of_time_grants_more_than_a_full_bucket_and_its_refill(requests):
    quota, now = Quota.of(Plan.GROWTH, START), START
    granted = []
    for pause, complexity, mutations in requests:
        now += pause
        if quota.take(now, complexity=complexity, mutations=mutations) is None:
            granted.append((1, complexity, mutations))
    for index, counter in enumerate(("REQUEST_COUNT", "QUERY_COMPLEXITY", "MUTATION_COUNT")):
        for bucket in (b for b in quota.buckets if b.counter == counter):
            most = bucket.quota * (1 + (now - START) / INTERVALS[bucket.interval])
            assert sum(each[index] for each in granted) <= most + 1e-6


@given(st.integers(1, 250_000))
def test_a_refused_request_succeeds_at_the_moment_that_was_named(complexity):
    quota = Quota.of(Plan.GROWTH, START)
    assert quota.take(START, complexity=250_000, mutations=0) is None
    resume_at = quota.take(START, complexity=complexity, mutations=0)
    assert resume_at is not None
    assert quota.take(resume_at, complexity=complexity, mutations=0) is None


def test_to_retry_too_early_is_refused_again_and_uses_up_a_request():
    quota = Quota.of(Plan.GROWTH, START)
    quota.take(START, complexity=250_000, mutations=0)
    resume_at = quota.take(START, complexity=1_000, mutations=0)
    assert resume_at is not None
    requests = quota.buckets[0]
    before = requests.tokens
    assert quota.take(START, complexity=0, mutations=0) is not None
    assert requests.tokens == before - 1


def test_an_exhausted_environment_answers_429_with_the_moment_to_resume(make_sandbox, call):
    caller = call(make_sandbox(plan=Plan.GROWTH))
    caller.sandbox.clock.freeze()
    answers = [caller.post("{ stores { id } }") for _ in range(61)]
    assert [answer.status_code for answer in answers] == [200] * 60 + [429]
    resume_at = int(answers[-1].headers["Retry-After"])
    caller.sandbox.clock.advance(resume_at - caller.sandbox.clock.timestamp())
    assert caller.post("{ stores { id } }").status_code == 200
    stats = caller.admin("stats")
    assert stats["throttled"] == 1
    assert stats["throttled_by"] == {"REQUEST_COUNT/TEN_SECONDS": 1}


def test_rate_limits_show_what_is_left_and_are_charged_themselves(make_sandbox, call):
    caller = call(make_sandbox(plan=Plan.GROWTH))
    caller.sandbox.clock.freeze()
    caller.data("{ orders(limit: 100) { number lines { id } } }")
    limits = caller.data("{ rateLimits { type intervalSeconds quota usedQuota remainingQuota } }")["rateLimits"]
    used = {(each["type"], each["intervalSeconds"]): each["usedQuota"] for each in limits}
    assert used["REQUEST_COUNT", "TEN_SECONDS"] == 2
    assert used["QUERY_COMPLEXITY", "ONE_HOUR"] == 100 * 11 + 10
    assert {each["quota"] for each in limits} == {60, 5_000, 20, 1_800, 250_000, 30_000_000}
    assert all(each["quota"] == each["usedQuota"] + each["remainingQuota"] for each in limits)


def test_a_query_that_no_bucket_could_ever_hold_is_refused_at_once(make_sandbox, call):
    caller = call(make_sandbox(plan=Plan.GROWTH))
    answer = caller.post("{ orders(limit: 200) { lines { allocations(limit: 200) { id } } } }")
    assert answer.status_code == 400
    assert "250000" in answer.json()["errors"][0]["message"]


def test_retry_after_can_be_written_in_every_form_a_client_may_meet():
    resume, now = 1_700_000_012.2, 1_700_000_000.0
    written = {form: retry_after(resume, now, form) for form in RetryAfterForm}
    assert written == {
        RetryAfterForm.EPOCH: "1700000013",
        RetryAfterForm.MILLISECONDS: "1700000012200",
        RetryAfterForm.HTTP_DATE: "Tue, 14 Nov 2023 22:13:33 GMT",
        RetryAfterForm.ISO: "2023-11-14T22:13:32.200000+00:00",
        RetryAfterForm.SECONDS: "13",
    }


def test_what_others_spend_of_the_hour_is_gone_for_everybody_and_comes_back_with_time(make_sandbox, call):
    caller = call(make_sandbox(plan=Plan.GROWTH))
    caller.sandbox.clock.freeze()
    assert caller.admin("plan", {"hour_left": 0.01})["plan"] == "growth"
    left = {b["interval"]: b["quota"] - b["used"] for b in caller.admin("stats")["buckets"] if "REQUEST" in b["type"]}
    assert left == {"TEN_SECONDS": 60, "ONE_HOUR": 50}
    caller.admin("plan", {"hour_left": 0.5})
    caller.sandbox.clock.advance(360)
    left = {b["interval"]: b["quota"] - b["used"] for b in caller.admin("stats")["buckets"] if "REQUEST" in b["type"]}
    assert left == {"TEN_SECONDS": 60, "ONE_HOUR": 550}
