"""The auth function: wired at import, but nothing secret is read and nothing connected yet."""

from auth_api.routes import create_router
from auth_api.service import AuthService
from tandem.db.accounts import Accounts
from tandem.db.connection import Database
from tandem.db.logins import Logins
from tandem.secrets import secrets_from_environment
from tandem.settings import KEY_BYTES, DatabaseSettings, LoginLimitSettings, TokenSettings, load
from tandem.snapshot import ready_for_snapshot
from tandem.tokens import AccessTokens
from tandem.web import create_app, create_handler

settings = load(TokenSettings)
secrets = secrets_from_environment()
database = Database(lambda: secrets.value("DATABASE_URL"), load(DatabaseSettings))
service = AuthService(
    accounts=Accounts(database),
    logins=Logins(database, tokens=settings, limits=load(LoginLimitSettings)),
    tokens=AccessTokens(settings, secrets),
    key=lambda: secrets.value("SECRET_KEY", at_least_bytes=KEY_BYTES[settings.algorithm]),
)
router = create_router(service, expires_in_seconds=settings.access_token_seconds)
handler = create_handler(create_app(routers=[router]))
ready_for_snapshot(database.close, secrets.forget)
