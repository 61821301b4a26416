"""What must hold, one module a stage."""
