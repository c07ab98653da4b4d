"""A web session as browsers get one: a form that is answered by a redirect, with a cookie for the session and
another for the language; the sessions are in the memory of the process.
"""

import secrets

from fastapi import Cookie, FastAPI, HTTPException
from fastapi.responses import RedirectResponse

app = FastAPI(openapi_url=None)
visits: dict[str, int] = {}


@app.post("/login")
def login() -> RedirectResponse:
    sid = secrets.token_urlsafe(24)
    visits[sid] = 0
    answer = RedirectResponse(f"/home?from={secrets.token_hex(4)}", status_code=303)
    answer.set_cookie("lang", "en")
    answer.set_cookie("sid", sid, httponly=True)
    return answer


@app.post("/visits")
def visit(sid: str = Cookie("")) -> dict[str, int | bool]:
    if sid not in visits:
        raise HTTPException(401, "please sign in")
    visits[sid] += 1
    return {"ok": True, "visits": visits[sid]}
