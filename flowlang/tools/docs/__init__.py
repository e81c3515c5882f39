"""`flow docs`: reference pages of a project, made from what its files declare and how they are documented.

pages      checked files -> pages, each a list of blocks
markdown   pages -> Markdown files that link to each other
html       pages -> one HTML file, with nothing from outside"""
