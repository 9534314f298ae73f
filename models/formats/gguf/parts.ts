/** Names of the parts of a split model. */

/** The largest published models are in some fifty parts. */
const mostParts = 512;

const partName = /^(?<name>.+)-(?<part>\d{5})-of-(?<parts>\d{5})\.gguf$/;

/** The other parts of a model that is split as llama.cpp does it, by their names; of a whole file none. */
export function partsOf(file: string): readonly string[] {
  const { name, parts } = partName.exec(file)?.groups ?? {};
  if (name === undefined || parts === undefined) return [file];
  const count = Math.min(Number(parts), mostParts);
  return Array.from({ length: count }, (_, index) => `${name}-${String(index + 1).padStart(5, '0')}-of-${parts}.gguf`);
}

/** True of a second or later part: the first stands for the model. */
export const isLaterPart = (file: string): boolean => {
  const part = partName.exec(file)?.groups?.['part'];
  return part !== undefined && Number(part) > 1;
};
