import type { TableSection } from '../../../protocol/sections/table';

interface UnreadPicture {
  readonly name: string;
  readonly why: string;
}

/** A table of the pictures of a folder that could not be read; nothing where all could. */
export function failuresOf({
  failures = [],
}: {
  readonly failures?: readonly UnreadPicture[];
}): readonly TableSection[] {
  if (failures.length === 0) return [];
  return [
    {
      kind: 'table',
      id: 'failures',
      title: 'Pictures that could not be read',
      columns: [
        { name: 'picture', title: 'picture', kind: 'text' },
        { name: 'why', title: 'why', kind: 'text' },
      ],
      rows: failures.map(({ name, why }) => [name, why]),
    },
  ];
}
