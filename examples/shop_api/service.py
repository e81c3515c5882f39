"""A shop that is reached over HTTP, with a stock, a bank and a parcel service. All of it is in memory.

    python service.py [PORT]

Whoever asks must bring the token. What has an effect takes an `Idempotency-Key`: the same request with the
same key gets the same answer, and is carried out once. `openapi.yaml` says what there is to ask."""

from __future__ import annotations

import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

PRICES = {"kettle": 3000, "teapot": 4500}
TOKEN = os.environ.get("SHOP_TOKEN", "open-sesame")

stock = {"kettle": 3, "teapot": 1}
reservations: dict[str, dict[str, Any]] = {}
charges: dict[str, dict[str, Any]] = {}
shipments: dict[str, dict[str, Any]] = {}
answers: dict[tuple[str, str], tuple[int, Any]] = {}
waited: set[str] = set()

Handler = Callable[[Request], Awaitable[Response]]


class Refused(Exception):
    def __init__(self, status: int, message: str, **fields: Any) -> None:
        super().__init__(message)
        self.status, self.body = status, {"message": message, **fields}


def handled(work: Callable[[Request, dict[str, Any]], Any], status: int) -> Handler:
    """A handler that asks for the token, and answers a request with a known key as it did before."""

    async def handle(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return JSONResponse({"message": "who are you?"}, 401)
        key = (request.url.path, request.headers.get("idempotency-key", ""))
        if key not in answers or not key[1]:
            body = await request.json() if request.method == "POST" else {}
            try:
                answers[key] = (status, work(request, body))
            except Refused as refused:
                answers[key] = (refused.status, refused.body)
        found, answer = answers[key]
        if found == 429:
            del answers[key]
            return JSONResponse(answer, found, {"Retry-After": "0"})
        return Response(status_code=found) if answer is None else JSONResponse(answer, found)

    return handle


def reserve(request: Request, body: dict[str, Any]) -> Any:
    item, count = body["item"], body["count"]
    if stock.get(item, 0) < count:
        left = stock.get(item, 0)
        raise Refused(409, f"there are not {count} of {item}", left=left)
    stock[item] -= count
    id = f"r{len(reservations) + 1}"
    reservations[id] = {"item": item, "count": count, "state": "reserved"}
    return {"id": id, "cents": PRICES[item] * count}


def release(request: Request, body: dict[str, Any]) -> None:
    found = reservations.get(request.path_params["id"])
    if found is not None and found["state"] == "reserved":
        stock[found["item"]] += found["count"]
        found["state"] = "released"


def charge(request: Request, body: dict[str, Any]) -> Any:
    if body["customer"] == "nobody":
        raise Refused(402, "the bank does not know nobody")
    id = f"c{len(charges) + 1}"
    charges[id] = {"customer": body["customer"], "cents": body["cents"], "state": "paid"}
    return {"id": id}


def refund(request: Request, body: dict[str, Any]) -> None:
    if request.path_params["id"] in charges:
        charges[request.path_params["id"]]["state"] = "refunded"


def ship(request: Request, body: dict[str, Any]) -> Any:
    if body["address"] not in waited:
        waited.add(body["address"])
        raise Refused(429, "the van is just being loaded")
    if body["address"] == "Atlantis":
        raise Refused(422, "no van goes to Atlantis")
    id = f"p{len(shipments) + 1}"
    shipments[id] = {"reservation": body["reservation"], "address": body["address"]}
    reservations[body["reservation"]]["state"] = "shipped"
    return {"parcel-no": id, "arrives": "2030-05-01T12:00:00Z"}


def books(request: Request, body: dict[str, Any]) -> Any:
    return {"stock": stock, "reservations": reservations, "charges": charges, "shipments": shipments}


app = Starlette(
    routes=[
        Route("/v1/reservations", handled(reserve, 201), methods=["POST"]),
        Route("/v1/reservations/{id}", handled(release, 204), methods=["DELETE"]),
        Route("/v1/charges", handled(charge, 201), methods=["POST"]),
        Route("/v1/charges/{id}", handled(refund, 204), methods=["DELETE"]),
        Route("/v1/shipments", handled(ship, 201), methods=["POST"]),
        Route("/v1/books", handled(books, 200)),
    ]
)

if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]) if len(sys.argv) > 1 else 8321, log_level="warning")
