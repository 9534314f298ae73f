/**
 * A dimension: a number, or a name that a run decides. Sums and products of names are kept in one canonical spelling
 * ("past + n", "2*n", "batch*n"), so that two dimensions are equal exactly when their spellings are.
 */
export type Dim = number | string;
export type Shape = readonly Dim[];

/** Terms of a polynomial in the names: product of names ('' for the constant) to coefficient. */
type Polynomial = ReadonlyMap<string, number>;

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map([['', dim]]);
  const terms = new Map<string, number>();
  for (const term of dim.split(' + ')) {
    const factors = term.split('*');
    const names = factors.filter((factor) => !/^-?\d+$/.test(factor)).sort();
    const coefficient = factors.filter((factor) => /^-?\d+$/.test(factor)).reduce((a, b) => a * Number(b), 1);
    const key = names.join('*');
    terms.set(key, (terms.get(key) ?? 0) + coefficient);
  }
  return terms;
}

function print(polynomial: Polynomial): Dim {
  const terms = [...polynomial].filter(([, coefficient]) => coefficient !== 0);
  if (terms.every(([names]) => names === '')) return terms[0]?.[1] ?? 0;
  return terms
    .sort(([a], [b]) => (a === '' ? 1 : b === '' ? -1 : a < b ? -1 : 1))
    .map(([names, coefficient]) =>
      names === '' ? String(coefficient) : coefficient === 1 ? names : `${coefficient}*${names}`,
    )
    .join(' + ');
}

/** The number that a dimension is when its names have the given sizes; undefined when a name has none. */
export function sizeOfDim(dim: Dim, sizes: Readonly<Record<string, number>>): number | undefined {
  let sum = 0;
  for (const [names, coefficient] of parse(dim)) {
    let product = coefficient;
    for (const name of names === '' ? [] : names.split('*')) product *= sizes[name] ?? Number.NaN;
    sum += product;
  }
  return Number.isNaN(sum) ? undefined : sum;
}

export function addDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a + b;
  const sum = new Map(parse(a));
  for (const [names, coefficient] of parse(b)) sum.set(names, (sum.get(names) ?? 0) + coefficient);
  return print(sum);
}

export function multiplyDims(a: Dim, b: Dim): Dim {
  if (typeof a === 'number' && typeof b === 'number') return a * b;
  const product = new Map<string, number>();
  for (const [namesA, coefficientA] of parse(a)) {
    for (const [namesB, coefficientB] of parse(b)) {
      const names = [...namesA.split('*'), ...namesB.split('*')].filter(Boolean).sort().join('*');
      product.set(names, (product.get(names) ?? 0) + coefficientA * coefficientB);
    }
  }
  return print(product);
}

/** a / b when b is one term and divides every term of a; otherwise undefined. */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const divisor = [...parse(b)];
  const [first] = divisor;
  if (!first || divisor.length !== 1 || first[1] === 0) return undefined;
  const quotient = new Map<string, number>();
  for (const [names, coefficient] of parse(a)) {
    const left = names.split('*').filter(Boolean);
    for (const name of first[0].split('*').filter(Boolean)) {
      const at = left.indexOf(name);
      if (at < 0) return undefined;
      left.splice(at, 1);
    }
    if (coefficient % first[1] !== 0) return undefined;
    quotient.set(left.join('*'), coefficient / first[1]);
  }
  return print(quotient);
}

export const volume = (shape: Shape): Dim => shape.reduce((product, dim) => multiplyDims(product, dim), 1);

export const printShape = (shape: Shape): string => `[${shape.join(', ')}]`;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, axis) => dim === b[axis]);

/** The canonical spelling of a dimension given by hand ("n + past" becomes "n + past" in sorted order). */
export const canonicalDim = (dim: Dim): Dim => (typeof dim === 'number' ? dim : print(parse(dim)));

/** Numpy broadcasting of two shapes, or undefined when two axes are not known to agree. */
export function broadcast(a: Shape, b: Shape): Shape | undefined {
  const rank = Math.max(a.length, b.length);
  const out: Dim[] = [];
  for (let axis = 0; axis < rank; axis++) {
    const x = a[a.length - rank + axis] ?? 1;
    const y = b[b.length - rank + axis] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out.push(x === 1 ? y : x);
  }
  return out;
}
