/** Whether a checkpoint's tensors are those of its config, before a graph is built on them. */
import { namesOf } from '../formats/config/config-reader';
import { mainPart, type ModelDescription } from '../formats/model-description';
import { compareTensors, type FoundTensor, type MissingTensor } from '../formats/compare-tensors';
import { extraLayersSentence, lackSentence, layerOf, unexpectedSentence } from '../formats/tensors/tensor-sentences';
import { lacksText, readsText, type SpecifiedModel } from './catalogue';
import { otherLabels } from './label-head';
import { ModelError } from './model-spec';

/** Every text of a specification: the names of the tensors that it reads are among them. */
function namesIn(value: unknown, into = new Set<string>()): ReadonlySet<string> {
  if (typeof value === 'string') into.add(value);
  else if (typeof value === 'object' && value !== null) {
    // A classifier is read where a checkpoint happens to have one.
    for (const [key, item] of Object.entries(value)) if (key !== 'classifier') namesIn(item, into);
  }
  return into;
}

/**
 * Throws ModelError where the weights lack a tensor that the model computes with or the model computes with one that
 * the config does not ask for (a bias that is switched off), and gives a sentence on each kind of tensor that it would leave unread. A family file takes biases as they come and lets the embedding stand in for a head that is not
 * stored, so nothing else would notice these. What no run reads (poolers, classifiers) may be absent, and so may the whole text half
 * of a pair of encoders.
 */
export function requireFit(
  model: ModelDescription,
  found: readonly FoundTensor[],
  specified?: SpecifiedModel,
): readonly string[] {
  const compared = compareTensors(model, found);
  if (compared === undefined || compared.quantised) return [];
  const part = mainPart(model);
  const names = new Set(found.map(({ name }) => name));
  const alone = specified?.kind === 'text' && specified.unread !== undefined;
  const used = specified && namesIn(specified);
  const wholeText = readsText(model) && !lacksText(model, (name) => names.has(name));
  const isRead = ({ name, group, role }: MissingTensor): boolean => {
    if (!wholeText && role !== 'vision') return false;
    if (alone && (role !== part?.role || group === 'projector')) return false;
    if (group === 'head') return role === 'decoder';
    // The bias of a map that nothing is computed with (an indexer whose choice is everything) may be absent.
    return name.endsWith('.bias') && used?.has(name.replace(/bias$/, 'weight')) !== false;
  };
  const count = part?.layers.length ?? 0;
  const layerKey = namesOf('num_hidden_layers').find((each) => part?.fields[each] !== undefined) ?? 'num_hidden_layers';
  const missing = compared.missing.filter(isRead);
  const [first] = missing;
  const stored = found.reduce((most, { name }) => Math.max(most, (layerOf(name) ?? -1) + 1), 0);
  const isDeeper = ({ name, role }: MissingTensor): boolean => role === part?.role && (layerOf(name) ?? -1) >= stored;
  if (wholeText && stored > 0 && compared.missing.some(isDeeper)) {
    throw new ModelError(
      `${layerKey} is ${count}, and the weights have ${stored} layers. Correct the config, or fetch the weights that belong to it.`,
    );
  }
  if (first !== undefined) {
    throw new ModelError(
      `${lackSentence(first.name, missing.length)} Correct the config, or fetch the weights that belong to it.`,
    );
  }
  const { task } = model;
  const labels = 'labels' in task ? task.labels : undefined;
  const other = compared.mismatched.find(
    ({ group, expected: [rows, ...width], found: [stored, ...own] }) =>
      group === 'head' && rows === labels && stored !== labels && width.join() === own.join(),
  );
  if (other) {
    throw new ModelError(otherLabels(labels ?? 0, other.name, other.found[0] ?? 0));
  }
  const foreign = compared.unexpected.filter((name) => used?.has(name));
  if (foreign.length > 0) {
    throw new ModelError(`${unexpectedSentence(foreign)} Correct the config, or fetch the weights that belong to it.`);
  }
  const isBeyond = (name: string): boolean => (layerOf(name) ?? -1) >= count;
  const beyond = wholeText ? compared.unexpected.filter(isBeyond) : [];
  const others = compared.unexpected.filter((name) => !beyond.includes(name));
  return [
    ...(beyond.length > 0
      ? [extraLayersSentence([...new Set(beyond.map((name) => layerOf(name) ?? 0))], layerKey, count)]
      : []),
    ...(others.length > 0 ? [unexpectedSentence(others)] : []),
  ];
}
