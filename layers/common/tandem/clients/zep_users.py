"""Zep Cloud over its v4 REST API: people."""

from typing import Any, Final

from tandem.clients.provider_model import Metadata
from tandem.clients.zep_base import ZepBase
from tandem.clients.zep_models import ZepNode, ZepUser
from tandem.errors import UpstreamRejected
from tandem.ids import ZepUuid

_EXISTS: Final = frozenset({400, 409})


class ZepUserCalls(ZepBase):
    """The part of `ZepClient` that is about people."""

    async def find_user(self, user_id: str, *, timeout_seconds: float) -> ZepUser | None:
        """The person whom we registered as `user_id`, or None when Zep knows no such user.

        Args:
            user_id: our own id of the person, at most 500 characters.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `user.lookup`; Zep docs "migrating from v3", 2026-10-14. That
        lookup finds users made by v4 is inferred from there, not measured.

        Wire: POST /api/v4/users/lookup `{"user_id"}` → uuid, graph_uuid.
        """
        call = self._call("user.lookup", "POST", "/users/lookup", body={"user_id": user_id})
        return await self._http.send_or_none(call, ZepUser, timeout_seconds=timeout_seconds)

    async def get_user(self, user_uuid: ZepUuid, *, timeout_seconds: float) -> ZepUser | None:
        """The person whom Zep calls `user_uuid`, or None when Zep knows no such user.

        Args:
            user_uuid: Zep's id.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `user.get`.

        Wire: GET /api/v4/users/{uuid} → uuid, graph_uuid, user_id, first_name, last_name, metadata.
        """
        call = self._call("user.get", "GET", "/users/{}", (user_uuid,))
        return await self._http.send_or_none(call, ZepUser, timeout_seconds=timeout_seconds)

    async def user_node(self, user_uuid: ZepUuid, *, timeout_seconds: float) -> ZepNode | None:
        """The entity in a person's graph that is the person, or None when Zep has none yet.

        Facts about the person are those that begin at it (`source_node_uuid`).

        Args:
            user_uuid: Zep's id of the person, not of the graph.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamError: any of its kinds; a 404 is an answer, not an error.

        Source: capture zep v4.0.1 `user.get_node`. That such facts begin there, and don't end
        there, is inferred.

        Wire: GET /api/v4/users/{uuid}/node → uuid, name, summary, labels, episode_uuids.
        """
        call = self._call("user.get_node", "GET", "/users/{}/node", (user_uuid,))
        return await self._http.send_or_none(call, ZepNode, timeout_seconds=timeout_seconds)

    async def create_user(
        self,
        user_id: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUser:
        """The user that Zep has made, with the graph that belongs to it.

        Args:
            user_id: our own id, at most 500 characters, unique, never to be changed.
            first_name: helps Zep to tell who "I" is; left out when None.
            last_name: likewise.
            idempotency_key: the same for every attempt at this one user.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 400 or 409 when the id is taken.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `user.create`.

        Wire: POST /api/v4/users `{"user_id","first_name","last_name"}` → uuid, graph_uuid.
        """
        call = self._call(
            "user.create",
            "POST",
            "/users",
            body={"user_id": user_id, **_names(first_name, last_name)},
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepUser, timeout_seconds=timeout_seconds)

    async def ensure_user(
        self,
        user_id: str,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUser:
        """The person whom we call `user_id`, registered now if Zep didn't know them.

        Looks up, creates, and looks up again when somebody else was faster.

        Args:
            user_id: our own id, at most 500 characters.
            first_name: for a new user only.
            last_name: for a new user only.
            idempotency_key: the same for every attempt at this one user.
            timeout_seconds: for all calls together.

        Raises:
            UpstreamRejected: creating was refused, and not because the user was there already.
            UpstreamError: its other kinds.

        Source: captures zep v4.0.1 `user.lookup`, `user.create`.

        Wire: as `find_user` and `create_user`.
        """
        deadline = self._http.deadline(timeout_seconds)
        user = await self.find_user(user_id, timeout_seconds=timeout_seconds)
        if user is not None:
            return user
        try:
            return await self.create_user(
                user_id,
                first_name=first_name,
                last_name=last_name,
                idempotency_key=idempotency_key,
                timeout_seconds=self._http.remaining(deadline),
            )
        except UpstreamRejected as error:
            if error.status not in _EXISTS:
                raise
            rest = self._http.remaining(deadline)
            user = await self.find_user(user_id, timeout_seconds=rest)
            if user is None:
                raise
            return user

    async def update_user(
        self,
        user_uuid: ZepUuid,
        *,
        first_name: str | None = None,
        last_name: str | None = None,
        metadata: Metadata | None = None,
        idempotency_key: str,
        timeout_seconds: float,
    ) -> ZepUser:
        """The person as Zep knows them after the change. What is left out stays as it is.

        Args:
            user_uuid: Zep's id.
            first_name: helps Zep to tell who "I" is.
            last_name: likewise.
            metadata: merged into what is there; a None value removes its key.
            idempotency_key: the same for every attempt at this change.
            timeout_seconds: for the call with its retries.

        Raises:
            UpstreamRejected: 404 when the user is gone.
            UpstreamError: its other kinds.

        Source: capture zep v4.0.1 `user.update`.

        Wire: PATCH /api/v4/users/{uuid} `{"first_name","last_name","metadata"}` → uuid, graph_uuid,
        first_name, last_name, metadata.
        """
        body: dict[str, Any] = {**_names(first_name, last_name)}
        if metadata is not None:
            body["metadata"] = metadata
        call = self._call(
            "user.update",
            "PATCH",
            "/users/{}",
            (user_uuid,),
            body=body,
            idempotency_key=idempotency_key,
        )
        return await self._http.send(call, ZepUser, timeout_seconds=timeout_seconds)

    async def delete_user(
        self, user_uuid: ZepUuid, *, idempotency_key: str | None = None, timeout_seconds: float
    ) -> ZepUuid | None:
        """The task that deletes the person with all threads and the graph; None if none is named.

        Args:
            user_uuid: Zep's id.
            idempotency_key: sent when given; deleting is repeatable without it too.
            timeout_seconds: for the call with its retries, not for the deletion itself.

        Raises:
            UpstreamError: any of its kinds; a 404 counts as done.

        Source: capture zep v4.0.1 `user.delete`.

        Wire: DELETE /api/v4/users/{uuid} → 202 task.uuid.
        """
        call = self._call(
            "user.delete", "DELETE", "/users/{}", (user_uuid,), idempotency_key=idempotency_key
        )
        return await self._delete(call, timeout_seconds)


def _names(first_name: str | None, last_name: str | None) -> dict[str, str]:
    names = {"first_name": first_name, "last_name": last_name}
    return {name: value for name, value in names.items() if value is not None}
