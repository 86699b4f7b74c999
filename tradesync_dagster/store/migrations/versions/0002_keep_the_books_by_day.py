"""Keep the books by day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "closing_prices",
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exchange", "symbol", "trade_date", name=op.f("pk_closing_prices")),
    )
    op.create_table(
        "corporate_actions",
        sa.Column("isin", sa.Text(), nullable=False),
        sa.Column("ex_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("shares_after", sa.BigInteger(), nullable=False),
        sa.Column("shares_before", sa.BigInteger(), nullable=False),
        sa.Column("new_isin", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("isin", "ex_date", "kind", name=op.f("pk_corporate_actions")),
    )
    op.create_table(
        "settlements",
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("expiry", sa.Date(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("exchange", "symbol", name=op.f("pk_settlements")),
    )
    op.create_table(
        "conversions",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("conversion_id", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("side", sa.Text(), nullable=False),
        sa.Column("from_product", sa.Text(), nullable=False),
        sa.Column("to_product", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("overnight", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_conversions_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "conversion_id", name=op.f("pk_conversions")),
    )
    op.create_table(
        "fill_corrections",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("fill_id", sa.Text(), nullable=False),
        sa.Column("corrected_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "before",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "after",
            sa.JSON().with_variant(postgresql.JSONB(astext_type=sa.Text()), "postgresql"),
            nullable=True,
        ),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_fill_corrections_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "trade_date", "fill_id", "corrected_at", name=op.f("pk_fill_corrections")
        ),
    )
    op.create_table(
        "generations",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("generated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stale_from", sa.Date(), nullable=True),
        sa.Column("opened_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_generations_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_generations")),
    )
    op.create_table(
        "opening_balances",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("isin", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("t1_quantity", sa.BigInteger(), nullable=False),
        sa.Column("average_price", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_opening_balances_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "exchange", "symbol", "product", name=op.f("pk_opening_balances")
        ),
    )
    op.create_table(
        "position_days",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("cost", sa.Text(), nullable=False),
        sa.Column("realised_pnl", sa.Text(), nullable=False),
        sa.Column("wins", sa.BigInteger(), nullable=False),
        sa.Column("losses", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_position_days_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id",
            "strategy_id",
            "instrument",
            "product",
            "trade_date",
            name=op.f("pk_position_days"),
        ),
    )
    with op.batch_alter_table("position_days") as batch_op:
        batch_op.create_index(
            batch_op.f("ix_position_days_account_id_trade_date"),
            ["account_id", "trade_date"],
            unique=False,
        )

    with op.batch_alter_table("breaks") as batch_op:
        batch_op.add_column(
            sa.Column("seen_count", sa.Integer(), server_default=sa.text("1"), nullable=False)
        )
        batch_op.add_column(sa.Column("note", sa.Text(), server_default="", nullable=False))

    with op.batch_alter_table("fills") as batch_op:
        batch_op.add_column(sa.Column("isin", sa.Text(), server_default="", nullable=False))
        batch_op.add_column(sa.Column("source", sa.Text(), server_default="broker", nullable=False))
        batch_op.add_column(sa.Column("annulled_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.create_index(
            batch_op.f("ix_fills_account_id_symbol_trade_date"),
            ["account_id", "symbol", "trade_date"],
            unique=False,
        )

    with op.batch_alter_table("instruments") as batch_op:
        batch_op.add_column(sa.Column("expiry", sa.Date(), nullable=True))

    with op.batch_alter_table("positions") as batch_op:
        batch_op.add_column(
            sa.Column(
                "assumed_quantity", sa.BigInteger(), server_default=sa.text("0"), nullable=False
            )
        )

    with op.batch_alter_table("quarantine") as batch_op:
        batch_op.add_column(
            sa.Column("seen_count", sa.Integer(), server_default=sa.text("1"), nullable=False)
        )

    # Lots and holdings are made from the fills: the next sync makes them again in the new shape.
    op.drop_table("lots")
    op.drop_table("holdings")
    op.create_table(
        "lots",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Text(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("fill_id", sa.Text(), nullable=False),
        sa.Column("piece", sa.Integer(), nullable=False),
        sa.Column("held_from", sa.Date(), nullable=False),
        sa.Column("held_to", sa.Date(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_lots_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id",
            "strategy_id",
            "instrument",
            "product",
            "trade_date",
            "fill_id",
            "piece",
            "held_from",
            name=op.f("pk_lots"),
        ),
    )
    op.create_index(
        op.f("ix_lots_account_id_held_to_held_from"), "lots", ["account_id", "held_to", "held_from"]
    )
    op.create_table(
        "holdings",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("isin", sa.Text(), server_default="", nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("t1_quantity", sa.BigInteger(), nullable=False),
        sa.Column("average_price", sa.BigInteger(), nullable=False),
        sa.Column("unrealised_pnl", sa.Text(), nullable=True),
        sa.Column("last_price", sa.BigInteger(), nullable=True),
        sa.Column("assumed_quantity", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_holdings_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id", "exchange", "symbol", "product", name=op.f("pk_holdings")
        ),
    )
    op.execute(
        "INSERT INTO generations (account_id, stale_from) "
        "SELECT account_id, min(trade_date) FROM fills GROUP BY account_id"
    )


def downgrade() -> None:
    """Undo the change."""
    with op.batch_alter_table("positions") as batch_op:
        batch_op.drop_column("assumed_quantity")

    with op.batch_alter_table("quarantine") as batch_op:
        batch_op.drop_column("seen_count")

    with op.batch_alter_table("instruments") as batch_op:
        batch_op.drop_column("expiry")

    with op.batch_alter_table("fills") as batch_op:
        batch_op.drop_index(batch_op.f("ix_fills_account_id_symbol_trade_date"))
        batch_op.drop_column("annulled_at")
        batch_op.drop_column("source")
        batch_op.drop_column("isin")

    with op.batch_alter_table("breaks") as batch_op:
        batch_op.drop_column("seen_count")
        batch_op.drop_column("note")

    with op.batch_alter_table("position_days") as batch_op:
        batch_op.drop_index(batch_op.f("ix_position_days_account_id_trade_date"))

    op.drop_table("position_days")
    op.drop_table("opening_balances")
    op.drop_table("generations")
    op.drop_table("fill_corrections")
    op.drop_table("conversions")
    op.drop_table("settlements")
    op.drop_table("corporate_actions")
    op.drop_table("closing_prices")
    op.drop_table("holdings")
    op.drop_table("lots")
    op.create_table(
        "lots",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("product", sa.Text(), nullable=False),
        sa.Column("trade_date", sa.Date(), nullable=False),
        sa.Column("fill_id", sa.Text(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_lots_account_id")
        ),
        sa.PrimaryKeyConstraint(
            "account_id",
            "exchange",
            "symbol",
            "product",
            "trade_date",
            "fill_id",
            name=op.f("pk_lots"),
        ),
    )
    op.create_table(
        "holdings",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("exchange", sa.Text(), nullable=False),
        sa.Column("symbol", sa.Text(), nullable=False),
        sa.Column("quantity", sa.BigInteger(), nullable=False),
        sa.Column("t1_quantity", sa.BigInteger(), nullable=False),
        sa.Column("average_price", sa.BigInteger(), nullable=False),
        sa.Column("unrealised_pnl", sa.Text(), nullable=True),
        sa.Column("last_price", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["accounts.account_id"], name=op.f("fk_holdings_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", "exchange", "symbol", name=op.f("pk_holdings")),
    )
