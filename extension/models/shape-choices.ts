/** The attention shapes that a model's facts offer to the kernels panel. */
import type { ModelFacts, ModelPartFacts } from '../../protocol/language/requests';
import type { ShapeChoice } from '../../protocol/panels/kernels';

/** The narrowest window of the part's windowed layers, in tokens. */
function windowOf(part: ModelPartFacts): number | undefined {
  const windows = part.layers.flatMap((layer) =>
    layer.kind === 'window' && layer.window !== undefined ? [layer.window] : [],
  );
  return windows.length === 0 ? undefined : Math.min(...windows);
}

const hasShape = (part: ModelPartFacts): boolean =>
  part.attention !== 'none' && part.heads > 0 && part.kvHeads > 0 && part.headDim > 0 && part.valueDim > 0;

export function shapeChoices(facts: ModelFacts, label: string): readonly ShapeChoice[] {
  return facts.parts.filter(hasShape).map((part) => {
    const window = windowOf(part);
    return {
      uri: part.path === '' ? facts.uri : `${facts.uri}#${part.path}`,
      label: part.path === '' ? label : `${label}, ${part.path}`,
      heads: part.heads,
      kvHeads: part.kvHeads,
      headDim: part.headDim,
      valueDim: part.valueDim,
      ...(part.contextLength === undefined ? {} : { contextLength: part.contextLength }),
      ...(window === undefined ? {} : { window }),
    };
  });
}

/** The choice that `uri` names: that part, or the model itself, or its first part with attention. */
export const mainChoice = (choices: readonly ShapeChoice[], uri: string): ShapeChoice | undefined =>
  choices.find((choice) => choice.uri === uri) ?? choices.find((choice) => choice.uri.startsWith(`${uri}#`));
