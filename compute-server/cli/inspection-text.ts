import type { Inspection } from './inspection';
import { textTable } from './table';

const plural = (count: number, word: string): string => `${count} ${word}${count === 1 ? '' : 's'}`;

const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

function bytesInWords(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 2 : 1)} ${units[unit] ?? ''}`;
}

const grouped = (value: number): string => value.toLocaleString('en-US');

/** An adapter without its base, or a file without layers, has nothing to say of these. */
const ofLayers = new Set(['family', 'layers', 'attention', 'hidden size']);
const isOfFile = ([title = '', text]: readonly string[]): boolean =>
  !ofLayers.has(title) && text !== 'not known for this family';

function otherRows(file: Inspection['file']): readonly string[][] {
  if (file === undefined) return [];
  const { formats, bitsPerWeight, details } = file;
  return [
    ...formats.map(({ name, bytes, tensors }) => [
      `  ${name}`,
      `${bytesInWords(bytes)} in ${grouped(tensors)} ${tensors === 1 ? 'tensor' : 'tensors'}`,
    ]),
    ...(bitsPerWeight === undefined
      ? []
      : [['bits per weight', `${Number(bitsPerWeight.toPrecision(4))}, scales included`]]),
    ...details.map(({ title, text }) => [title.charAt(0).toLowerCase() + title.slice(1), text]),
  ];
}

/** What a sequence keeps at the shortest length: all of it, where a token adds nothing. */
const stateBytes = (kvBytes: Inspection['kvBytes']): number => Object.values(kvBytes)[0] ?? 0;

/** What the figures above took for granted; lengths and batch of the cache are in the rows. */
function assumptionsOf({ formulas, kvBytesPerToken, kvBytes, bytesFrom }: Inspection): readonly string[] {
  const of = (name: string): readonly string[] => formulas[name]?.assumptions ?? [];
  return [
    ...(bytesFrom === 'config' ? of('bytes').map((one) => `weights: ${one}`) : []),
    ...(kvBytesPerToken > 0 || stateBytes(kvBytes) > 0
      ? of('kvBytes')
          .slice(1)
          .map((one) => `${kvBytesPerToken > 0 ? 'KV cache' : 'state'}: ${one}`)
      : []),
    ...of('flopsPerToken').map((one) => `FLOPs: ${one}`),
  ];
}

export function inspectionText(found: Inspection): string {
  const heads =
    found.attention === 'none'
      ? 'none'
      : found.stages !== undefined
        ? `${found.attention.toUpperCase()}, heads by stage`
        : `${found.attention.toUpperCase()}, ${found.heads} query heads on ${found.kvHeads} key/value heads of ${found.headDim}`;
  const rows: string[][] = [
    ...(found.file === undefined ? [] : [['kind', found.file.title]]),
    [
      'family',
      found.modelType === null || found.modelType === found.family
        ? found.family
        : `${found.family} (${found.modelType})`,
    ],
    ['layers', String(found.layers)],
    ['attention', heads],
  ];
  const kinds = Object.entries(found.layerKinds).filter(([kind]) => kind !== 'chunked' && kind !== 'window');
  if (kinds.some(([kind]) => kind !== 'full')) {
    const plain: Readonly<Record<string, string>> = { none: 'without attention', cross: 'of cross-attention' };
    const words = kinds.map(([kind, count]) => `${count} ${plain[kind] ?? kind}`);
    rows.splice(2, 0, ['  kinds', words.join(', ')]);
  }
  if (found.window !== undefined)
    rows.push(['window', `${grouped(found.window)} in ${found.windowLayers} of ${found.layers} layers`]);
  if (found.alibi) {
    const scopes = found.alibi.map(({ scope }) => Math.ceil(scope));
    rows.push(['ALiBi', `reaches ${grouped(Math.min(...scopes))} to ${grouped(Math.max(...scopes))} tokens, by head`]);
  }
  rows.push(['hidden size', String(found.hiddenSize)]);
  for (const [index, stage] of (found.stages ?? []).entries()) {
    const places = stage.positions === undefined ? '' : `, ${grouped(stage.positions)} positions`;
    const heads = stage.heads === 0 ? '' : `, ${plural(stage.heads, 'head')} of ${stage.headDim}`;
    const read = stage.sourcePositions === undefined ? '' : ` that read ${grouped(stage.sourcePositions)}`;
    rows.push([
      `  stage ${index + 1}`,
      `${plural(stage.layers, 'layer')}${heads}, width ${stage.hiddenSize}${places}${read}`,
    ]);
  }
  if (found.contextLength !== null) rows.push(['context', grouped(found.contextLength)]);
  if (found.parameters === null) rows.push(['parameters', 'not known for this family']);
  else {
    const active =
      found.activeParameters !== null &&
      found.activeParameters !== found.parameters &&
      (found.parametersFrom === 'config' || found.file !== undefined)
        ? `, ${grouped(found.activeParameters)} used by a token`
        : '';
    rows.push(['parameters', `${grouped(found.parameters)}${active} (from the ${found.parametersFrom ?? ''})`]);
    for (const { name, count } of found.parameterSplit) rows.push([`  ${name}`, grouped(count)]);
  }
  if (found.bytes !== null) rows.push(['weights', `${bytesInWords(found.bytes)} (from the ${found.bytesFrom ?? ''})`]);
  for (const row of otherRows(found.file)) rows.push(row);
  if (found.kvBytesPerToken > 0) {
    rows.push(['KV cache', `${bytesInWords(found.kvBytesPerToken)} a token`]);
    for (const [length, bytes] of Object.entries(found.kvBytes))
      rows.push([`  at ${grouped(Number(length))}`, bytesInWords(bytes)]);
  }
  const state = stateBytes(found.kvBytes);
  // What does not grow with the text: a recurrent state, or what cross-attention reads.
  if (found.kvBytesPerToken === 0 && state > 0) rows.push(['state', `${bytesInWords(state)} a sequence`]);
  if (found.flopsPerToken !== null && found.flopsPerToken > 0)
    rows.push(['FLOPs', `${found.flopsPerToken.toExponential(3)} a token`]);
  if (found.quantisation !== null) {
    rows.push([
      'quantisation',
      `${found.quantisation.method}${found.quantisation.bits === null ? '' : `, ${found.quantisation.bits} bits`}`,
    ]);
  }
  for (const part of found.parts.slice(1)) {
    rows.push([
      part.role,
      `${part.layers} ${part.layers === 1 ? 'layer' : 'layers'}${part.heads === 0 ? ' without attention' : `, ${part.heads} heads of ${part.headDim}`}, hidden size ${part.hiddenSize}`,
    ]);
  }
  if (found.tokenizer !== null && found.tokenizer.entries > 0) {
    const { entries, idCount } = found.tokenizer;
    const ids = idCount > entries ? `, ids to ${grouped(idCount - 1)}` : '';
    rows.push(['tokenizer', `${grouped(entries)} tokens${ids}`]);
  }
  for (const { file, inputs, attention } of found.onnx) {
    const kinds = [...new Set(attention.map(({ operator }) => operator))].join(', ');
    const whole = attention.length === 0 ? 'no fused attention' : `${attention.length} x ${kinds}`;
    rows.push([file, `${inputs.length} inputs, ${whole}`]);
  }
  rows.push([
    'runs here',
    found.supported === true ? (found.unread === undefined ? 'yes' : `its text. ${found.unread}`) : found.supported,
  ]);
  for (const note of found.notes) rows.push(['note', note]);
  const table = textTable(
    [found.model, ''],
    found.file !== undefined && found.layers === 0 ? rows.filter(isOfFile) : rows,
  );
  const assumed = assumptionsOf(found);
  return assumed.length === 0 ? table : `${table}\n\n${assumed.map((line) => `- ${line}`).join('\n')}`;
}
