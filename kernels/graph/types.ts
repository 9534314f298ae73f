/** Element types of the graphs we build, with their ONNX codes (TensorProto.DataType) and widths. */
export type ElementType = 'float32' | 'float16' | 'bfloat16' | 'int32' | 'int64' | 'uint8' | 'bool';

export const onnxTypeCode: Readonly<Record<ElementType, number>> = {
  float32: 1,
  uint8: 2,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};

export const bytesPerElement: Readonly<Record<ElementType, number>> = {
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int32: 4,
  int64: 8,
  uint8: 1,
  bool: 1,
};

export const isFloating = (type: ElementType): boolean =>
  type === 'float32' || type === 'float16' || type === 'bfloat16';

/** What is used for minus infinity where a product with 0 must stay 0: its exponential is 0 beside any score. */
export const lowest = ({ type }: { readonly type: ElementType }): number => (type === 'float16' ? -6e4 : -1e30);
