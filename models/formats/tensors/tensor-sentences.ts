/** What findings, `inspect` and runs say of tensors that a config and its weights do not share, in one set of words. */

/** The prefix of the layers of a text model in the names of its tensors; vision and audio towers have other prefixes. */
const layerPrefixes =
  /^(?:(?:model|base_model\.model|module)\.)?(?:(?:language_model|model|text_model|llm)\.)*(?:transformer\.|gpt_neox\.|bert\.|roberta\.|electra\.|deberta\.|distilbert\.)?(?:decoder\.|encoder\.)?(?:layers|h|layer|blocks)\.(\d+)\./;

/** The layer of the text model that a tensor belongs to by its name. */
export function layerOf(name: string): number | undefined {
  const index = layerPrefixes.exec(name)?.[1];
  return index === undefined ? undefined : Number(index);
}

/** `2-5, 7` of whole numbers. */
export function ranges(numbers: readonly number[]): string {
  const sorted = [...numbers].sort((left, right) => left - right);
  const parts: string[] = [];
  for (let index = 0; index < sorted.length;) {
    let end = index;
    while (sorted[end + 1] === (sorted[end] ?? 0) + 1) end += 1;
    parts.push(end === index ? String(sorted[index]) : `${sorted[index]}-${sorted[end]}`);
    index = end + 1;
  }
  return parts.length > 6 ? `${parts.slice(0, 6).join(', ')}, …` : parts.join(', ');
}

/** `first` is the first of `count` tensors that are not there. */
export const lackSentence = (first: string, count: number): string =>
  `The weights lack ${first}${count === 1 ? '' : ` and ${count - 1} more`}.`;

/** Layers behind the last that the config counts. */
export const extraLayersSentence = (layers: readonly number[], key: string, count: number): string =>
  `The weights have layer${layers.length === 1 ? '' : 's'} ${ranges(layers)}, beyond ${key} ${count}. They would be left unread.`;

/** At most this many names of a kind are written out. */
const mostNames = 5;

export function namedTensors(names: readonly string[]): string {
  const shown = names.slice(0, mostNames).join(', ');
  return names.length > mostNames ? `${shown} and ${names.length - mostNames} more` : shown;
}

export const unexpectedSentence = (names: readonly string[]): string =>
  `The weights hold ${namedTensors(names)}, which the config does not ask for.`;
