"""Where the version of a build is read: git, labels, files, variables."""
