"""The books: tables, repositories, one unit of work, migrations."""
