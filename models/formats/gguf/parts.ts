/** Names of the parts of a split model. */

/** The largest published models are in some fifty parts. */
export const mostParts = 512;

const partName = /^(?<name>.+)-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/;

/**
 * The parts of a model that is split as llama.cpp does it, by their names; a whole file is its only part. Undefined where
 * there are more than any model has.
 */
export function partsOf(file: string): readonly string[] | undefined {
  const { name, parts } = partName.exec(file)?.groups ?? {};
  if (name === undefined || parts === undefined) return [file];
  const count = Number(parts);
  if (count > mostParts) return undefined;
  return Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(5, '0')}-of-${parts}.gguf`);
}

/** True of a second or later part: the first stands for the model. */
export const isLaterPart = (file: string): boolean => {
  const part = partName.exec(file)?.groups?.['part'];
  return part !== undefined && Number(part) > 1;
};
