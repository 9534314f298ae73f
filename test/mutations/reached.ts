/**
 * Which functions the float64 references of the catalogue run, and which its graphs are built by: both are run on the cases
 * of test/laws, decoding and choices included. Bundled with an instrumented kernels/ and the tests of expected values, whose
 * cases count too, and run in a worker.
 */
import { catalogue } from '../../kernels/catalogue';
import type { Mechanism, ParameterValues } from '../../kernels/mechanism';
import type { AttentionShape } from '../../kernels/shape';
import { drawInputs } from '../../kernels/inputs';
import { cases, settings } from '../laws/kernels/cases';
import { registered } from '../laws/kernels/expected/support';

declare const $mutation: { hits: Uint8Array };

/** Functions by number, for each mechanism. */
export interface Reached {
  readonly mechanism: string;
  readonly reference: readonly number[];
  readonly build: readonly number[];
}

/** Long shapes and several sequences show no other functions. */
const shortCases = cases.map(({ shape }) => shape).filter(({ keys, batch }) => keys <= 80 && batch === 1);

export const reachedFunctions = (): readonly Reached[] =>
  catalogue.map((mechanism) => {
    const reference = new Set<number>();
    const build = new Set<number>();
    const tries = settings(mechanism).flatMap((parameters) => shortCases.map((shape) => ({ shape, parameters })));
    const own = registered.filter((each) => each.mechanism.id === mechanism.id);
    for (const { shape, parameters } of [...tries, ...own]) reach(mechanism, shape, parameters, reference, build);
    return { mechanism: mechanism.id, reference: [...reference], build: [...build] };
  });

function reach(
  mechanism: Mechanism,
  shape: AttentionShape,
  parameters: ParameterValues,
  reference: Set<number>,
  build: Set<number>,
): void {
  const into = (set: Set<number>, work: () => unknown) => {
    $mutation.hits.fill(0);
    work();
    $mutation.hits.forEach((hit, id) => {
      if (hit) set.add(id);
    });
  };
  if (!mechanism.supports(shape, parameters).ok) return;
  const inputs = drawInputs(mechanism, shape, parameters, 1);
  into(reference, () => mechanism.reference(inputs, shape, parameters));
  into(reference, () => mechanism.referenceRows?.(inputs, shape, parameters, [0, shape.queries - 1]));
  into(reference, () => mechanism.chosen?.(inputs, shape, parameters, 0));
  into(build, () => mechanism.build(shape, parameters, 'float32'));
  const { decode } = mechanism;
  if (!decode || shape.pattern !== 'causal-self' || shape.queries !== shape.keys) return;
  into(reference, () => decode.stateAfter(inputs, shape, parameters));
  const longer = { ...shape, queries: shape.queries + 1, keys: shape.keys + 1 };
  if (!mechanism.supports(longer, parameters).ok) return;
  into(build, () => decode.build({ ...longer, queries: 1 }, parameters, 'float32'));
}
