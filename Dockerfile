# Daybook as an image: the wheel, built as `make wheel` builds it, and the locked versions of what it needs.
FROM python:3.13-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN make wheel

FROM python:3.13-slim
RUN useradd --uid 1000 daybook && install --directory --owner=daybook --mode=0700 /var/lib/daybook
COPY --from=build /source/requirements.lock /source/dist/*.whl /tmp/daybook/
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --requirement /tmp/daybook/requirements.lock \
    && pip install --no-cache-dir --disable-pip-version-check --no-deps /tmp/daybook/*.whl
USER daybook
WORKDIR /var/lib/daybook
ENV DAYBOOK_DATA=/var/lib/daybook
EXPOSE 8000
ENTRYPOINT ["daybook"]
CMD ["serve"]
