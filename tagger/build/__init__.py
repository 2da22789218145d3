"""What was built: where its version is read, what base it stands on."""
