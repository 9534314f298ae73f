/** An input or output of a graph: element type, and sizes or names of sizes. */
export const tensorValue = (name: string, elemType: number, ...dims: (number | string)[]) => ({
  name,
  type: {
    value: {
      case: 'tensorType' as const,
      value: {
        elemType,
        shape: {
          dim: dims.map((size) => ({
            value:
              typeof size === 'number'
                ? { case: 'dimValue' as const, value: BigInt(size) }
                : { case: 'dimParam' as const, value: size },
          })),
        },
      },
    },
  },
});

/** A whole number as an attribute of an operator. */
export const integerAttribute = (name: string, i: number) => ({ name, i: BigInt(i), type: 2 });
