"""Registered documents: what a client may name by its hash, and keep the answer to."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import strawberry

from api.auth import Caller
from api.context import Info
from api.graphql.errors import Refusal
from api.graphql.perform import Ids, perform
from api.policies import Policy, policed
from api.registry import check_text
from core import audit, documents
from core.database import AsyncSession
from core.documents import RegisteredDocument


@policed(Policy.READ)
@strawberry.type(name="RegisteredDocument", description="A document known by its hash.")
class Document:
    """One text of the registry."""

    sha256: str = strawberry.field(description="Its name: lower-case hexadecimal.")
    text: str = strawberry.field(description="What it says.")
    registered_at: datetime = strawberry.field(description="Since when it is known.")

    @classmethod
    def of(cls, row: RegisteredDocument) -> "Document":
        """From its row."""
        return cls(sha256=row.sha256, text=row.text, registered_at=row.registered_at)


@strawberry.input(description="A document to register.")
class RegisterDocumentInput:
    """What registerDocument takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    text: str = strawberry.field(
        description="A valid document, byte for byte as its hash is made of it: at "
        "most 32 KiB."
    )


@strawberry.input(description="A document to take out of the registry.")
class RemoveDocumentInput:
    """What removeDocument takes."""

    idempotency_key: strawberry.ID = strawberry.field(
        description="Yours; a repeat changes nothing."
    )
    sha256: str = strawberry.field(description="Its name: lower-case hexadecimal.")


@policed(Policy.EDIT)
@strawberry.type(description="The document is not registered any more.")
class RemoveDocumentPayload:
    """What removeDocument answers."""

    sha256: str = strawberry.field(description="The name that it had.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


RemoveDocumentResult = Annotated[
    RemoveDocumentPayload | Refusal,
    strawberry.union("RemoveDocumentResult", description="Its name, or why not."),
]


@policed(Policy.EDIT)
@strawberry.type(description="The document as it is registered.")
class RegisterDocumentPayload:
    """What registerDocument answers."""

    document: Document = strawberry.field(description="The document.")
    replayed: bool = strawberry.field(description="Whether it had been done before.")


RegisterDocumentResult = Annotated[
    RegisterDocumentPayload | Refusal,
    strawberry.union("RegisterDocumentResult", description="It, or why not."),
]


@strawberry.type
class Query:
    """Root fields."""

    @strawberry.field(
        metadata={"policy": Policy.READ},
        description="What may be named by hash in this environment, oldest first; at "
        "most 500.",
    )
    async def registered_documents(self, info: Info) -> list[Document]:
        """All of the environment's."""
        environment_id = info.context.caller.environment_id
        async with info.context.readers() as session:
            rows = await documents.registered(session, environment_id)
        return [Document.of(row) for row in rows]


@strawberry.type
class Mutation:
    """Root fields."""

    @strawberry.mutation(
        metadata={"policy": Policy.EDIT},
        description="Let every key of this environment name a document by the SHA-256 "
        "of its text. It grants nothing: who asks must be allowed each of its fields.",
    )
    async def register_document(
        self, info: Info, input: RegisterDocumentInput
    ) -> RegisterDocumentResult:
        """One more text in the request's environment."""
        caller = info.context.caller

        async def work(session: AsyncSession) -> Ids:
            check_text(info.schema._schema, input.text)
            row = await documents.register(
                session, environment_id=caller.environment_id, text=input.text
            )
            await _record(session, caller, row, "document.register")
            return {"document": str(row.id), "at": row.registered_at.isoformat()}

        async def rebuild(
            session: AsyncSession, ids: Ids, replayed: bool
        ) -> RegisterDocumentPayload:
            # It may be removed by now; what was done then stays what it was.
            row = RegisteredDocument(
                environment_id=caller.environment_id,
                sha256=documents.sha256_of(input.text),
                text=input.text,
                registered_at=await _registered_at(session, ids),
            )
            info.context.services.registry.forget(caller.environment_id)
            return RegisterDocumentPayload(document=Document.of(row), replayed=replayed)

        return await perform(
            info, input, operation="registerDocument", work=work, rebuild=rebuild
        )

    @strawberry.mutation(
        metadata={"policy": Policy.EDIT},
        description="Take a document out of the registry: its hash names nothing any "
        "more, within a minute in every process, and its place is free.",
    )
    async def remove_document(
        self, info: Info, input: RemoveDocumentInput
    ) -> RemoveDocumentResult:
        """One text less in the request's environment."""
        caller = info.context.caller

        async def work(session: AsyncSession) -> Ids:
            row = await documents.remove(
                session, environment_id=caller.environment_id, name=input.sha256
            )
            await _record(session, caller, row, "document.remove")
            return {}

        async def rebuild(
            _session: AsyncSession, _ids: Ids, replayed: bool
        ) -> RemoveDocumentPayload:
            info.context.services.registry.forget(caller.environment_id)
            return RemoveDocumentPayload(sha256=input.sha256, replayed=replayed)

        return await perform(
            info, input, operation="removeDocument", work=work, rebuild=rebuild
        )


async def _registered_at(session: AsyncSession, ids: Ids) -> datetime:
    """When a claim's document was registered.

    Claims of earlier versions do not say it: then the document does, and once that is
    removed, the audit trail.
    """
    if "at" in ids:
        return datetime.fromisoformat(ids["at"])
    document_id = UUID(ids["document"])
    row = await session.get(RegisteredDocument, document_id)
    if row is not None:
        return row.registered_at
    return await audit.first_at(
        session, subject_id=document_id, action="document.register"
    )


async def _record(
    session: AsyncSession, caller: Caller, row: RegisteredDocument, action: str
) -> None:
    await audit.record(
        session,
        actor=caller.actor,
        project_id=caller.project_id,
        environment_id=caller.environment_id,
        action=action,
        subject="RegisteredDocument",
        subject_id=row.id,
    )
