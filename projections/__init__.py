"""The read models: views, a row per aggregate or per item of one, and reports over them."""
