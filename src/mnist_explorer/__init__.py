"""The explorer: a Streamlit app on the maps, with every digit behind its point.

``results`` makes and keeps what is shown, ``pictures`` lets foreign files in, ``components``
holds the few parts that Streamlit lacks, ``app`` is the page, and ``serve`` starts it.
"""
