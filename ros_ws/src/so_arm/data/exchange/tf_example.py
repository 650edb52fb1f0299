"""TensorFlow's ``tf.train.Example``, a map from names to lists of bytes, floats or integers, without TensorFlow.

message Example   { Features features = 1; }
message Features  { map<string, Feature> feature = 1; }
message Feature   { oneof kind { BytesList bytes_list = 1; FloatList float_list = 2; Int64List int64_list = 3; } }
message BytesList { repeated bytes value = 1; }     // FloatList: float, Int64List: int64, both packed
"""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

_PACKAGE = "so_arm.tf"
_Field = descriptor_pb2.FieldDescriptorProto
_LISTS = {"bytes": _Field.TYPE_BYTES, "float": _Field.TYPE_FLOAT, "int64": _Field.TYPE_INT64}


def encode(features: dict[str, list[bytes] | np.ndarray]) -> bytes:
    """features: name -> bytes, or an array, which is flattened: floats as float32, integers and bools as int64."""
    example = _EXAMPLE()
    for name, values in sorted(features.items()):
        feature = example.features.feature[name]
        if isinstance(values, list):
            feature.bytes_list.value.extend(values)
        elif values.dtype.kind == "f":
            feature.float_list.value.extend(values.astype(np.float32).ravel().tolist())
        else:
            feature.int64_list.value.extend(values.astype(np.int64).ravel().tolist())
    return example.SerializeToString(deterministic=True)


def decode(data: bytes) -> dict[str, list[bytes] | np.ndarray]:
    """Name -> bytes, or a flat array (float32 or int64). ValueError when `data` is no Example."""
    try:
        example = _EXAMPLE.FromString(data)
    except DecodeError as error:
        raise ValueError(str(error)) from error
    return {name: _values(feature) for name, feature in example.features.feature.items()}


def _values(feature: Any) -> list[bytes] | np.ndarray:
    kind = feature.WhichOneof("kind")
    if kind == "float_list":
        return np.array(feature.float_list.value, np.float32)
    if kind == "int64_list":
        return np.array(feature.int64_list.value, np.int64)
    return list(feature.bytes_list.value)


def _example_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="so_arm/example.proto", package=_PACKAGE, syntax="proto3")
    for name, kind in _LISTS.items():
        _add_field(file.message_type.add(name=_list_name(name)), "value", 1, kind, repeated=True)
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(_LISTS, start=1):
        _add_field(feature, f"{name}_list", number, _list_name(name)).oneof_index = 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    _add_field(entry, "key", 1, _Field.TYPE_STRING)
    _add_field(entry, "value", 2, "Feature")
    _add_field(features, "feature", 1, "Features.FeatureEntry", repeated=True)
    _add_field(file.message_type.add(name="Example"), "features", 1, "Features")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Example"))


def _list_name(kind: str) -> str:
    return f"{kind.capitalize()}List"


def _add_field(
    message: Any, name: str, number: int, kind: str | int, repeated: bool = False
) -> descriptor_pb2.FieldDescriptorProto:
    """kind: a type of protobuf's own, or the name of a message."""
    label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
    field = message.field.add(name=name, number=number, label=label)
    if isinstance(kind, str):
        field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
    else:
        field.type = kind
    return field


_EXAMPLE = _example_class()
