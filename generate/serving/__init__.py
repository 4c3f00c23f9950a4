"""The server: an API as OpenAI's, and a page, in front of one decode loop."""
