"""Asset checks, one module for each stage."""
