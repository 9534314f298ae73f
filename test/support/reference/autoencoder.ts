/**
 * The autoencoder of arXiv:2405.12522 in float64, written from the authors' description and from nothing of the product: unit norms
 * are set in the weights before every step, and the part of a gradient along a unit vector is removed.
 */
export interface ReferenceShape {
  readonly features: number;
  readonly width: number;
  /** Weight of the sum of activations in the loss. */
  readonly sparsity: number;
  /** Decoder [width, features]: unit norm of its rows or of its columns. */
  readonly unit: 'rows' | 'columns';
}

export type ReferenceWeights = Record<'encoder' | 'encoderBias' | 'decoder' | 'tiedBias', Float64Array>;

export function reference(
  { features: F, width: D, sparsity, unit }: ReferenceShape,
  w: ReferenceWeights,
  x: Float64Array,
) {
  const R = x.length / D;
  const gradient: ReferenceWeights = {
    encoder: new Float64Array(F * D),
    encoderBias: new Float64Array(F),
    decoder: new Float64Array(D * F),
    tiedBias: new Float64Array(D),
  };
  const codes: number[] = [];
  let loss = 0;
  for (let r = 0; r < R; r++) {
    const f = new Float64Array(F);
    for (let k = 0; k < F; k++) {
      let sum = w.encoderBias[k]!;
      for (let i = 0; i < D; i++) sum += w.encoder[k * D + i]! * (x[r * D + i]! - w.tiedBias[i]!);
      f[k] = Math.max(0, sum);
      loss += (sparsity * f[k]!) / R;
    }
    codes.push(f.indexOf(Math.max(...f)));
    const back = new Float64Array(F);
    for (let i = 0; i < D; i++) {
      let error = w.tiedBias[i]! - x[r * D + i]!;
      for (let k = 0; k < F; k++) error += w.decoder[i * F + k]! * f[k]!;
      loss += error ** 2 / (R * D);
      const g = (2 * error) / (R * D);
      gradient.tiedBias[i]! += g;
      for (let k = 0; k < F; k++) {
        gradient.decoder[i * F + k]! += g * f[k]!;
        back[k]! += g * w.decoder[i * F + k]!;
      }
    }
    for (let k = 0; k < F; k++) {
      if (f[k] === 0) continue;
      const g = back[k]! + sparsity / R;
      gradient.encoderBias[k]! += g;
      for (let i = 0; i < D; i++) {
        gradient.encoder[k * D + i]! += g * (x[r * D + i]! - w.tiedBias[i]!);
        gradient.tiedBias[i]! -= g * w.encoder[k * D + i]!;
      }
    }
  }
  for (const [name, vectors] of unitVectors({ features: F, width: D, unit })) {
    for (const vector of vectors) {
      const along = vector.reduce((sum, at) => sum + gradient[name][at]! * w[name][at]!, 0);
      for (const at of vector) gradient[name][at]! -= along * w[name][at]!;
    }
  }
  return { loss, codes, gradient };
}

/** Indices of each vector of unit norm. */
export function unitVectors({ features: F, width: D, unit }: Pick<ReferenceShape, 'features' | 'width' | 'unit'>) {
  const all = (count: number, length: number, at: (vector: number, i: number) => number): number[][] =>
    Array.from({ length: count }, (_, vector) => Array.from({ length }, (_, i) => at(vector, i)));
  return [
    ['encoder', all(F, D, (k, i) => k * D + i)],
    ['decoder', unit === 'rows' ? all(D, F, (i, k) => i * F + k) : all(F, D, (k, i) => i * F + k)],
  ] as const;
}

export function imposeNorms(shape: ReferenceShape, w: ReferenceWeights): void {
  for (const [name, vectors] of unitVectors(shape)) {
    for (const vector of vectors) {
      const norm = Math.hypot(...vector.map((at) => w[name][at]!));
      for (const at of vector) w[name][at]! /= norm;
    }
  }
}

/** Full-batch Adam at 0.001; gives the loss of each step. */
export function trainReference(shape: ReferenceShape, w: ReferenceWeights, x: Float64Array, steps: number): number[] {
  const moments = Object.entries(w).map(
    ([name, { length }]) =>
      [name as keyof ReferenceWeights, new Float64Array(length), new Float64Array(length)] as const,
  );
  const losses: number[] = [];
  for (let step = 1; step <= steps; step++) {
    imposeNorms(shape, w);
    const { loss, gradient } = reference(shape, w, x);
    losses.push(loss);
    for (const [name, first, second] of moments) {
      gradient[name].forEach((g, at) => {
        first[at] = 0.9 * first[at]! + 0.1 * g;
        second[at] = 0.999 * second[at]! + 0.001 * g * g;
        const [m, v] = [first[at] / (1 - 0.9 ** step), second[at] / (1 - 0.999 ** step)];
        w[name][at]! -= (0.001 * m) / (Math.sqrt(v) + 1e-8);
      });
    }
  }
  return losses;
}
