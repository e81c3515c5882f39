"""What the SDK raises -> errors that a flow knows, in words that say what to do.

What went wrong on the way is worded as for any HTTP service; the SDK's own words stay where an agent answered
and there is nothing better to say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Final

import httpx
from a2a.client.errors import A2AClientError, AgentCardResolutionError
from a2a.utils.errors import A2AError

from flowlang.agents.a2a.limits import TooLarge
from flowlang.agents.http.problems import unanswered
from flowlang.runtime.agent_errors import bad_output, failed, unavailable
from flowlang.runtime.agents import AgentError

SECRETS: Final = (401, 403)
LATER: Final = (408, 429)


@contextmanager
def worded(url: str) -> Iterator[None]:
    """What the SDK raises inside, as AgentError; `url` is the agent's."""
    try:
        yield
    except TooLarge as problem:
        raise bad_output(str(problem), "`max_reply_bytes` is the limit") from None
    except AgentCardResolutionError as problem:
        raise _card_error(problem, url) from None
    except A2AError as problem:
        raise _call_error(problem, url) from None
    except httpx.HTTPError as problem:
        raise unanswered(problem, _host(url), "POST") from None
    except ValueError as problem:
        raise bad_output(f"what {url} answers is not A2A: {problem}") from None


def _card_error(problem: AgentCardResolutionError, url: str) -> AgentError:
    match problem.__cause__:
        case httpx.HTTPStatusError(response=response):
            status = response.status_code
            if status >= 500 or status in (*SECRETS, *LATER):
                return _refused(status, url)
            return unavailable(
                f"{url} answers {status} where its card should be; `card` says where else it is"
            )
        case httpx.RequestError() as broken:
            return unanswered(broken, _host(url), "GET")
    return unavailable(f"there is no agent card at {url}: {problem}")


def _call_error(problem: A2AError, url: str) -> AgentError:
    match problem.__cause__:
        case httpx.HTTPStatusError(response=response) if isinstance(problem, A2AClientError):
            return _refused(response.status_code, url)
        case httpx.RequestError() as broken:
            return unanswered(broken, _host(url), "POST")
    return failed(str(problem))  # an error of the protocol, whatever its status


def _refused(status: int, url: str) -> AgentError:
    """What a status means that is no reply of the protocol."""
    reason = next((known.phrase for known in HTTPStatus if known.value == status), "")
    said = f"{url} answers {status} {reason}".rstrip()
    if status in SECRETS:
        return failed(f"{said}: it does not let us in; is the secret right that `headers` give it?")
    if status >= 500 or status in LATER:
        return unavailable(said)
    return failed(said)


def _host(url: str) -> str:
    return httpx.URL(url).netloc.decode()
