/** C(d + p, p): monomials up to degree p of d variables, the numbers of state for each channel of a value. */
export function stateSize(headDim: number, degree: number): number {
  let size = 1;
  for (let j = 1; j <= degree; j++) size = (size * (headDim + j)) / j;
  return Math.round(size);
}
