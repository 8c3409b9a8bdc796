"""The smallest function of our kind: FastAPI behind Mangum with one route."""

from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()


@app.get("/")
def root() -> dict[str, bool]:
    """Answers."""
    return {"ok": True}


handler = Mangum(app, lifespan="off")
