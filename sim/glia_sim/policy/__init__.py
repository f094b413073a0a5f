"""The policy language: parse, check, compile, interpret, render, describe a change, and the catalogue."""
