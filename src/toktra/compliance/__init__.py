"""What the law asks for, in a form that cannot disagree with the program: deadlines, notices and assessments.

Pure: no database and no network. Nothing here is legal advice; texts are for counsel to review before they are used.
"""
