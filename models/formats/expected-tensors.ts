import { familyById } from './families/catalogue';
import { familyOfOwn } from './families/workspace-families';
import type { ModelDescription } from './model-description';
import type { ExpectedTensor } from './tensors/tensor-table';
import { elementsOf, TensorTable } from './tensors/tensor-table';

/** Descriptions are immutable, and hovers, lenses and rules all ask for the same list. */
const lists = new WeakMap<ModelDescription, readonly ExpectedTensor[]>();

/**
 * The tensors that a checkpoint of this model holds, by name and shape; undefined when the family's layout is not known in
 * full. The parameter count is the sum over this list, so that both come from one source.
 */
export function expectedTensors(model: ModelDescription): readonly ExpectedTensor[] | undefined {
  if (!model.exact) return undefined;
  const known = lists.get(model);
  if (known !== undefined) return known;
  const family = model.ownFamily === undefined ? familyById(model.family) : familyOfOwn(model.ownFamily);
  const table = new TensorTable();
  const [part] = model.parts;
  if (family === undefined || part === undefined) return undefined;
  if (family.kind === 'composite') family.tensors?.(model, table);
  else family.tensors?.(part, table.writer(part), { task: model.task, tied: model.tiedEmbeddings.value });
  const list = table.list();
  if (list.length === 0) return undefined;
  lists.set(model, list);
  return list;
}

/** Names of a family of tensors, one after the other. */
export function* tensorNames(tensor: Pick<ExpectedTensor, 'pattern' | 'layers' | 'experts'>): Generator<string> {
  for (const layer of tensor.layers ?? [undefined]) {
    const named = layer === undefined ? tensor.pattern : tensor.pattern.replace('{layer}', String(layer));
    if (tensor.experts === undefined) yield named;
    else for (let expert = 0; expert < tensor.experts; expert++) yield named.replace('{expert}', String(expert));
  }
}

export interface ParameterCount {
  readonly total: number;
  /** Parameters that one token uses: all but the routed experts that it is not sent to. */
  readonly active: number;
  readonly split: readonly { readonly name: string; readonly count: number; readonly active: number }[];
}

const groupNames: Readonly<Record<ExpectedTensor['group'], string>> = {
  embedding: 'embedding',
  attention: 'attention',
  mixer: 'state-space mixer',
  mlp: 'feed-forward',
  experts: 'routed experts',
  router: 'router',
  norms: 'norms',
  head: 'output head',
  projector: 'projector',
  other: 'other',
};

/** Exact count by part: the groups of the text model, and vision, audio and projector as wholes. */
export function countParameters(model: ModelDescription): ParameterCount | undefined {
  const tensors = expectedTensors(model);
  return tensors === undefined ? undefined : countTensors(tensors, model.parts[0]?.role === 'vision');
}

function countTensors(tensors: readonly ExpectedTensor[], visionAlone: boolean): ParameterCount {
  const split = new Map<string, { name: string; count: number; active: number }>();
  let total = 0;
  let active = 0;
  for (const tensor of tensors) {
    const count = elementsOf(tensor);
    const used = Math.round(count * tensor.activeShare);
    const apart = (tensor.role === 'vision' && !visionAlone) || tensor.role === 'audio';
    const name = apart && tensor.group !== 'projector' ? tensor.role : groupNames[tensor.group];
    const entry = split.get(name) ?? { name, count: 0, active: 0 };
    entry.count += count;
    entry.active += used;
    split.set(name, entry);
    total += count;
    active += used;
  }
  return { total, active, split: [...split.values()] };
}
