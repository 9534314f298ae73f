/**
 * What the exported page does: choose a head, see its picture, read values under the pointer. It is written into the page by its
 * own text (`toString`), so it names nothing outside itself, asks for nothing and evaluates nothing; the page's policy allows
 * this one script by its hash.
 */

/** The pictures of all heads as the page holds them. */
export interface PageData {
  readonly layers: number;
  readonly heads: number;
  readonly tokens: readonly string[];
  readonly causal: boolean;
  /** Blocks of a side of a picture that are used, of `size`. */
  readonly used: number;
  readonly size: number;
  /** [layers][heads][size][size] as little-endian uint16 in base64: the mean mass of a block times 65,535; empty: no pictures. */
  readonly pictures: string;
  /** The head that was on screen, in full: the largest probability of each block of cells. */
  readonly shown?: {
    readonly layer: number;
    readonly head: number;
    readonly block: number;
    readonly rows: readonly (readonly number[])[];
  };
  /** What cells are coloured by and what is listed of a head: [layers][heads]; null where nothing was measured. */
  readonly values: readonly {
    readonly title: string;
    readonly unit: string;
    readonly rows: readonly (readonly (number | null)[])[];
  }[];
  /** [layers][heads]: labels with their letters. */
  readonly labels: readonly (readonly { readonly letter: string; readonly words: string }[])[][];
  /** Colours from low to high. */
  readonly scale: readonly string[];
  readonly selected: { readonly layer: number; readonly head: number };
}

export function readPage(): void {
  const at = (id: string): HTMLElement => {
    const found = document.getElementById(id);
    if (!found) throw new Error(`The page lacks ${id}.`);
    return found;
  };
  const data = JSON.parse(at('headscope-page').textContent) as PageData;
  const { layers, heads, tokens, size, used, values, scale } = data;
  const bytes = Uint8Array.from(atob(data.pictures), (letter) => letter.charCodeAt(0));
  const pictures = new DataView(bytes.buffer);
  const colour = (share: number): string =>
    scale[Math.max(0, Math.min(scale.length - 1, Math.round(share * (scale.length - 1))))] ?? '';
  const digits = (value: number | null | undefined): string =>
    value === null || value === undefined ? '–' : String(Number(value.toPrecision(3)));
  const name = (layer: number, head: number): string => `L${layer}H${head}`;
  let { layer, head } = data.selected;
  let coloured = 0;

  const colouring = at('colour-by') as HTMLSelectElement;
  values.forEach(({ title }, index) => colouring.add(new Option(title, String(index))));
  const chooser = at('choose-head') as HTMLSelectElement;
  const grid = at('heads');
  grid.style.gridTemplateColumns = `auto repeat(${heads}, minmax(0, 1fr))`;
  const cells: HTMLButtonElement[][] = [];
  for (let row = 0; row < layers; row += 1) {
    const layerName = document.createElement('span');
    layerName.textContent = `L${row}`;
    grid.append(layerName);
    cells.push(
      Array.from({ length: heads }, (_, column) => {
        const cell = document.createElement('button');
        cell.type = 'button';
        cell.tabIndex = -1;
        cell.textContent = (data.labels[row]?.[column] ?? []).map(({ letter }) => letter).join('');
        cell.addEventListener('click', () => choose(row, column));
        cell.addEventListener('pointerenter', () => (at('grid-value').textContent = wordsOf(row, column)));
        cell.addEventListener('pointerleave', () => (at('grid-value').textContent = wordsOf(layer, head)));
        grid.append(cell);
        chooser.add(new Option(name(row, column), `${row}.${column}`));
        return cell;
      }),
    );
  }

  const wordsOf = (row: number, column: number): string => {
    const value = values[coloured];
    const labels = (data.labels[row]?.[column] ?? []).map(({ words }) => words);
    const unit = value?.unit ? ` ${value.unit}` : '';
    return [name(row, column), `${value?.title ?? ''} ${digits(value?.rows[row]?.[column])}${unit}`, ...labels].join(
      ' · ',
    );
  };

  /** One number of the picture of a head: the whole matrix of the head that was on screen, the blocks of any other. */
  const matrix = () => {
    const full = data.shown?.layer === layer && data.shown.head === head ? data.shown : undefined;
    const rows = full ? full.rows.length : pictures.byteLength > 0 ? used : 0;
    const first = (layer * heads + head) * size * size;
    const value = (row: number, column: number): number =>
      full ? (full.rows[row]?.[column] ?? 0) : pictures.getUint16(2 * (first + row * size + column), true) / 65535;
    /** Tokens of a block: positions [from, to). */
    const span = (block: number): readonly [number, number] =>
      full
        ? [block * full.block, Math.min(tokens.length, (block + 1) * full.block)]
        : tokens.length <= size
          ? [block, block + 1]
          : [Math.ceil((block * tokens.length) / size), Math.ceil(((block + 1) * tokens.length) / size)];
    return { rows, value, span, what: full ? (full.block > 1 ? 'at most' : '') : tokens.length > size ? 'mean' : '' };
  };
  const place = ([from, to]: readonly [number, number]): string =>
    to - from === 1 ? `${from} "${tokens[from] ?? ''}"` : `${from} to ${to - 1}`;

  const canvas = at('matrix') as HTMLCanvasElement;
  const cellWords = (row: number, column: number): string => {
    const { value, span, what } = matrix();
    const mass =
      data.causal && span(column)[0] >= span(row)[1] ? 'is not read' : `${what} ${digits(value(row, column))}`;
    return `query ${place(span(row))} · key ${place(span(column))}: ${mass.trim()}`;
  };
  const drawHead = (): void => {
    const { rows, value, span } = matrix();
    canvas.hidden = rows === 0;
    at('no-picture').hidden = rows > 0;
    canvas.width = canvas.height = Math.max(1, rows);
    const context = canvas.getContext('2d');
    if (!context) return;
    let high = 0;
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < rows; column += 1) high = Math.max(high, value(row, column));
    for (let row = 0; row < rows; row += 1)
      for (let column = 0; column < rows; column += 1) {
        if (data.causal && span(column)[0] >= span(row)[1]) continue;
        // Square root: small masses are seen as well.
        context.fillStyle = colour(high > 0 ? Math.sqrt(value(row, column) / high) : 0);
        context.fillRect(column, row, 1, 1);
      }
    at('scale').textContent = rows === 0 ? '' : `Square root of the probability, 0 to ${digits(high)}`;
    for (const [id, from] of [
      ['queries', 'query'],
      ['keys', 'key'],
    ] as const) {
      const axis = at(id);
      axis.replaceChildren();
      axis.setAttribute('aria-label', from);
      const step = Math.max(1, Math.ceil(rows / 32));
      for (let block = 0; block < rows; block += step) {
        const word = document.createElement('span');
        const [first, end] = span(block);
        word.textContent = end - first === 1 && step === 1 ? (tokens[first] ?? '') : `${first} ${tokens[first] ?? ''}`;
        word.style.setProperty('--at', `${((block + 0.5) / rows) * 100}%`);
        axis.append(word);
      }
    }
  };
  const drawNumbers = (): void => {
    at('head-name').textContent = [
      name(layer, head),
      ...(data.labels[layer]?.[head] ?? []).map(({ words }) => words),
    ].join(' · ');
    at('head-numbers').replaceChildren(
      ...values.map(({ title, unit, rows }) => {
        const row = document.createElement('tr');
        for (const [tag, words] of [
          ['th', title],
          ['td', digits(rows[layer]?.[head])],
          ['td', unit],
        ] as const) {
          const cell = document.createElement(tag);
          cell.textContent = words;
          row.append(cell);
        }
        return row;
      }),
    );
  };
  const drawGrid = (): void => {
    const known = (values[coloured]?.rows ?? []).flat().filter((value): value is number => value !== null);
    const [low, high] = known.reduce(
      ([a, b], value) => [Math.min(a, value), Math.max(b, value)],
      [Infinity, -Infinity],
    );
    cells.forEach((line, row) =>
      line.forEach((cell, column) => {
        const value = values[coloured]?.rows[row]?.[column];
        const share = value === null || value === undefined || high <= low ? 0 : (value - low) / (high - low);
        cell.style.background = colour(share);
        cell.style.color = share > 0.55 ? '#000' : '#fff';
        cell.setAttribute('aria-label', wordsOf(row, column));
        const chosen = row === layer && column === head;
        cell.tabIndex = chosen ? 0 : -1;
        cell.setAttribute('aria-pressed', String(chosen));
      }),
    );
    at('grid-value').textContent = wordsOf(layer, head);
    at('grid-scale').textContent =
      known.length > 0 ? `${digits(low)} to ${digits(high)} ${values[coloured]?.unit ?? ''}` : '';
  };
  const choose = (row: number, column: number, focus = false): void => {
    layer = Math.max(0, Math.min(layers - 1, row));
    head = Math.max(0, Math.min(heads - 1, column));
    chooser.value = `${layer}.${head}`;
    drawGrid();
    drawHead();
    drawNumbers();
    at('cell-value').textContent = '';
    if (focus) cells[layer]?.[head]?.focus();
  };

  colouring.addEventListener('change', () => {
    coloured = Number(colouring.value);
    drawGrid();
  });
  chooser.addEventListener('change', () => {
    const [row, column] = chooser.value.split('.').map(Number);
    choose(row ?? 0, column ?? 0);
  });
  grid.addEventListener('keydown', (event) => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    choose(layer + (step[0] ?? 0), head + (step[1] ?? 0), true);
  });
  canvas.addEventListener('pointermove', (event) => {
    const box = canvas.getBoundingClientRect();
    const { rows } = matrix();
    const cell = (offset: number, length: number): number =>
      Math.max(0, Math.min(rows - 1, Math.floor((offset / length) * rows)));
    at('cell-value').textContent = cellWords(
      cell(event.clientY - box.top, box.height),
      cell(event.clientX - box.left, box.width),
    );
  });
  choose(layer, head);
}
