"""How results are shown: text, JSON, Markdown, HTML, and the commands of GitHub's runner."""
