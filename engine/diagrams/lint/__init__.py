"""The linter's rules, a module for each kind of mistake; ``engine.diagrams.linter`` runs them."""
