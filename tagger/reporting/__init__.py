"""How results are shown: as text, JSON, Markdown and HTML, and by the commands of GitHub's runner."""
