"""Accounts and logins: sign up, log in, refresh, log out, me."""
