"""Validates objects strictly against the schemas of Kubernetes' releases, those of other kinds against schemas of ours.

Reads {"releases": [...], "schemas": folder, "objects": [...]} from standard input; prints a list of [object's index, release, place, message].
"""
import functools
import json
import pathlib
import sys

import jsonschema
from kubernetes_validate import utils

# Read once, not for each object.
utils.schema_contents = functools.lru_cache(None)(utils.schema_contents)


def place(error):
    return ".".join(str(step) for step in error.absolute_path)


def own_schema(folder, thing):
    group = thing["apiVersion"].replace("/", "-")
    file = pathlib.Path(folder) / f"{thing['kind'].lower()}-{group}.json"
    return json.loads(file.read_text()) if file.is_file() else None


def main():
    asked = json.load(sys.stdin)
    faults = []
    for index, thing in enumerate(asked["objects"]):
        schema = own_schema(asked["schemas"], thing)
        if schema is not None:
            validator = jsonschema.Draft202012Validator(schema)
            faults += [[index, "ours", place(e), e.message] for e in validator.iter_errors(thing)]
            continue
        for release in asked["releases"]:
            try:
                used = utils.validate(thing, release, strict=True)
                if used != release:
                    faults.append([index, release, "", f"there are no schemas of this release, only of {used}"])
            except utils.ValidationError as error:
                faults.append([index, release, place(error), error.message])
            except utils.SchemaNotFoundError as error:
                faults.append([index, release, "", error.message])
    json.dump(faults, sys.stdout)


main()
