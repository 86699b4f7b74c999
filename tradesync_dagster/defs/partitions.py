"""How the assets are cut: one partition an account.

What belongs here: partitions definitions. What does not: who adds accounts to them (``sensors``).
"""

import dagster as dg

accounts = dg.DynamicPartitionsDefinition(name="accounts")
"""The desk's enabled accounts by their ``ORG/ACCOUNT`` keys, in the order of their discovery."""

ACCOUNTS = "accounts"
"""The name under which an instance keeps them."""
