"""A service as people write them, with FastAPI: its document, its types, and a flow that uses all of it."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from fastapi import FastAPI, Form, Header, HTTPException, Query, Response, UploadFile
from pydantic import BaseModel, Field
from support.http_service import served

import flowlang
from flowlang.agents.offered_types import description
from flowlang.agents.openapi import offers_of
from flowlang.semantics.types import show

app = FastAPI()


class Color(StrEnum):
    red = "red"
    blue = "blue"


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str | None = None


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]


class Node(BaseModel):
    value: int
    children: list["Node"] = []


class Item(BaseModel):
    name: str
    price: Decimal
    color: Color = Color.red
    made: datetime
    took: timedelta
    day: date | None = None
    tags: set[str] = set()
    pet: Pet
    extra: dict[str, int] = {}
    tree: Node


class Owner(BaseModel):
    pet: Pet
    nick: str | None


@app.get("/items/{item_id}", operation_id="read_item")
async def read_item(
    item_id: int,
    q: Annotated[list[str] | None, Query()] = None,
    color: Color = Color.red,
    x_token: Annotated[str | None, Header()] = None,
) -> Item:
    return Item(
        name=f"{item_id} {q} {x_token}",
        price=Decimal("1.5"),
        color=color,
        made=datetime(2024, 1, 1, tzinfo=UTC),
        took=timedelta(seconds=90),
        pet=Cat(lives=9),
        tree=Node(value=1, children=[Node(value=2)]),
    )


@app.put("/pet", operation_id="adopt")
async def adopt(pet: Pet, patience: timedelta) -> Owner:
    if isinstance(pet, Cat) and pet.lives == 0:
        raise HTTPException(409, "it is too late")
    return Owner(pet=pet, nick=str(patience))


@app.put("/photos", operation_id="upload")
async def upload(
    files: list[UploadFile], note: Annotated[str, Form()], one: UploadFile | None = None
) -> dict[str, int]:
    sizes = {str(file.content_type): len(await file.read()) for file in [*files, *([one] if one else [])]}
    return sizes | {note: 0}


@app.get(
    "/photo", operation_id="photo", responses={200: {"content": {"image/png": {}}}}, response_class=Response
)
async def photo() -> Response:
    return Response(b"png", media_type="image/png")


@app.delete("/items/{item_id}", operation_id="forget", status_code=204)
async def forget(item_id: int) -> None:
    pass


@app.get("/maybe", operation_id="maybe")
async def maybe() -> Owner | None:
    return None


FLOW = """
use http api = "api.json"

error TooLate(message: string)

flow main(lives: int) -> json {
  step item = api.read_item(item_id: 3, q: ["a", "b"], color: "blue", x_token: "t")
  step owner = api.adopt(body: api.Cat(lives: lives), patience: item.took * 2)
  step photo = api.photo()
  step sizes = api.upload(files: [photo, photo], note: "n", one: photo)
  step gone = api.forget(item_id: 3)
  step none = api.maybe()
  let pet = match owner.pet { api.Cat(lives) -> "a cat with ${lives}"  api.Dog(name) -> name ?? "a dog" }
  return { item: item, pet: pet, nick: owner.nick, sizes: sizes, gone: gone, none: none } as json
}
"""


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("api.json").write_text(json.dumps(app.openapi()))
    Path("main.flow").write_text(FLOW)
    return tmp_path


def run(**inputs: Any) -> flowlang.Result:
    with served(app) as url:
        settings = (
            f'[http."api.json"]\nopenapi = "api.json"\nbase = "{url}"\nerrors = {{ 409 = "TooLate" }}\n'
        )
        Path("flow.toml").write_text(settings)
        return flowlang.run_sync(flowlang.compile("main.flow"), inputs)


def test_its_document_has_types_of_the_language() -> None:
    agents = {agent.name: agent for agent in description(offers_of(app.openapi()), "api.json").agents}
    assert {name: f"{show(agent.result)} {agent.effect}" for name, agent in agents.items()} == {
        "read_item": "Item read",
        "adopt": "Owner idempotent",
        "upload": "map<int> idempotent",
        "photo": "file read",
        "forget": "null idempotent",
        "maybe": "Owner? read",
    }
    adopt, upload = agents["adopt"], agents["upload"]
    assert [show(p.type) for p in adopt.parameters] == ["duration", "Pet"]
    assert [show(p.type) for p in upload.parameters] == ["list<file>", "string", "file?"]


def test_a_flow_uses_all_of_it(api: Path) -> None:
    result = run(lives=3)
    assert result.failure is None, result.failure
    assert result.data == {
        "item": {
            "name": "3 ['a', 'b'] t", "price": "1.5", "color": "blue", "made": "2024-01-01T00:00:00Z",
            "took": "1m30s", "day": None, "tags": [], "pet": {"case": "Cat", "lives": 9}, "extra": {},
            "tree": {"value": 1, "children": [{"value": 2, "children": []}]},
        },
        "pet": "a cat with 3",
        "nick": "0:03:00",
        "sizes": {"image/png": 3, "n": 0},
        "gone": None,
        "none": None,
    }  # fmt: skip


def test_its_errors_are_errors(api: Path) -> None:
    failure = run(lives=0).failure
    assert failure is not None and failure.error == "TooLate"
    assert failure.fields == {"message": "409 Conflict: it is too late"}


def test_what_may_be_left_out_may_be_null(api: Path) -> None:
    Path("main.flow").write_text(FLOW.replace('color: "blue"', "color: null"))
    assert run(lives=1).data["item"]["color"] == "red"
