/**
 * Paints the cells of a grid of heads: each one a picture out of the atlas or one colour. WebGL2 draws all of them in one
 * call; without it the same cells are written into image data.
 */
import { cividisTable, type Rgb } from './colour-map';
import type { HeadAtlas } from './head-atlas';

export interface Cell {
  readonly layer: number;
  readonly head: number;
  /** In device pixels. */
  readonly x: number;
  readonly y: number;
  readonly side: number;
  /** `picture`: atlas over cividis. `tint`: atlas from `low` to `high`. `fill`: `high` alone. */
  readonly kind: 'picture' | 'tint' | 'fill';
  readonly low: Rgb;
  readonly high: Rgb;
  /** 0..1; below 1 the cell fades into the ground. */
  readonly strength: number;
}

export interface CellPainter {
  readonly kind: 'webgl2' | '2d';
  /** The whole picture again; the atlas may be undefined while there are no pictures. */
  paint(cells: readonly Cell[], atlas: HeadAtlas | undefined, ground: Rgb): void;
  dispose(): void;
}

export function openCellPainter(canvas: HTMLCanvasElement, prefer: 'webgl2' | '2d' = 'webgl2'): CellPainter {
  if (prefer === 'webgl2') {
    // Kept after drawing: exports and tests read it.
    const gl = canvas.getContext('webgl2', { alpha: false, antialias: false, preserveDrawingBuffer: true });
    if (gl) return new WebGlPainter(canvas, gl);
  }
  return new ImagePainter(canvas);
}

const vertexSource = `#version 300 es
uniform vec2 u_size;
in vec4 a_place;   // x, y, side, kind
in vec4 a_source;  // column, row of the atlas in texels, side in texels, strength
in vec3 a_low;
in vec3 a_high;
out vec2 v_texel;
flat out vec4 v_source;
flat out float v_kind;
flat out vec3 v_low;
flat out vec3 v_high;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  vec2 at = (a_place.xy + corner * a_place.z) / u_size * 2.0 - 1.0;
  gl_Position = vec4(at.x, -at.y, 0.0, 1.0);
  v_texel = corner * a_source.z;
  v_source = a_source;
  v_kind = a_place.w;
  v_low = a_low;
  v_high = a_high;
}`;

const fragmentSource = `#version 300 es
precision highp float;
uniform sampler2D u_atlas;
uniform sampler2D u_map;
uniform vec3 u_ground;
in vec2 v_texel;
flat in vec4 v_source;
flat in float v_kind;
flat in vec3 v_low;
flat in vec3 v_high;
out vec4 colour;
void main() {
  vec3 value = v_high;
  if (v_kind < 1.5) {
    ivec2 texel = ivec2(v_source.xy + min(floor(v_texel), v_source.z - 1.0));
    float share = texelFetch(u_atlas, texel, 0).r;
    value = v_kind < 0.5
      ? texelFetch(u_map, ivec2(int(share * 255.0 + 0.5), 0), 0).rgb
      : mix(v_low, v_high, share);
  }
  colour = vec4(mix(u_ground, value, v_source.w), 1.0);
}`;

const kinds = { picture: 0, tint: 1, fill: 2 } as const;
const floatsPerCell = 14;

class WebGlPainter implements CellPainter {
  readonly kind = 'webgl2';
  private program: WebGLProgram | undefined;
  private atlas: HeadAtlas | undefined;
  private last: Parameters<CellPainter['paint']> | undefined;
  private readonly onLost = (event: Event): void => event.preventDefault();
  private readonly onRestored = (): void => {
    this.program = undefined;
    this.atlas = undefined;
    if (this.last) this.paint(...this.last);
  };

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
  ) {
    canvas.addEventListener('webglcontextlost', this.onLost);
    canvas.addEventListener('webglcontextrestored', this.onRestored);
  }

  paint(cells: readonly Cell[], atlas: HeadAtlas | undefined, ground: Rgb): void {
    const { gl, canvas } = this;
    this.last = [cells, atlas, ground];
    if (gl.isContextLost()) return;
    this.program ??= this.prepare();
    if (atlas && atlas !== this.atlas) {
      gl.activeTexture(gl.TEXTURE0);
      gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, atlas.width, atlas.height, 0, gl.RED, gl.UNSIGNED_BYTE, atlas.bytes);
      this.atlas = atlas;
    }
    const data = new Float32Array(cells.length * floatsPerCell);
    cells.forEach((cell, index) => {
      const side = atlas?.side ?? 1;
      const kind = atlas ? kinds[cell.kind] : kinds.fill;
      data.set(
        [
          cell.x,
          cell.y,
          cell.side,
          kind,
          cell.head * side,
          cell.layer * side,
          side,
          cell.strength,
          ...unit(cell.low),
          ...unit(atlas || cell.kind === 'fill' ? cell.high : cell.low),
        ],
        index * floatsPerCell,
      );
    });
    gl.viewport(0, 0, canvas.width, canvas.height);
    const [red, green, blue] = unit(ground);
    gl.clearColor(red, green, blue, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.bufferData(gl.ARRAY_BUFFER, data, gl.DYNAMIC_DRAW);
    gl.uniform2f(gl.getUniformLocation(this.program, 'u_size'), canvas.width, canvas.height);
    gl.uniform3f(gl.getUniformLocation(this.program, 'u_ground'), red, green, blue);
    gl.drawArraysInstanced(gl.TRIANGLE_STRIP, 0, 4, cells.length);
  }

  dispose(): void {
    this.canvas.removeEventListener('webglcontextlost', this.onLost);
    this.canvas.removeEventListener('webglcontextrestored', this.onRestored);
    // Browsers keep only a few contexts alive: give this one back at once.
    this.gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  private prepare(): WebGLProgram {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of [
      [gl.VERTEX_SHADER, vertexSource],
      [gl.FRAGMENT_SHADER, fragmentSource],
    ] as const) {
      const shader = gl.createShader(type);
      if (!shader) throw new Error('The picture of the heads cannot be drawn: the graphics context is gone.');
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(`The shader of the heads is refused: ${gl.getProgramInfoLog(program) ?? 'no reason given'}`);
    }
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    for (const unitOfTexture of [1, 0]) {
      gl.activeTexture(gl.TEXTURE0 + unitOfTexture);
      gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
      for (const filter of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
        gl.texParameteri(gl.TEXTURE_2D, filter, gl.NEAREST);
      }
      if (unitOfTexture === 1) {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGB8, 256, 1, 0, gl.RGB, gl.UNSIGNED_BYTE, cividisTable);
      } else {
        gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, 1, 1, 0, gl.RED, gl.UNSIGNED_BYTE, new Uint8Array(1));
      }
    }
    gl.uniform1i(gl.getUniformLocation(program, 'u_atlas'), 0);
    gl.uniform1i(gl.getUniformLocation(program, 'u_map'), 1);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    let offset = 0;
    for (const [name, size] of [
      ['a_place', 4],
      ['a_source', 4],
      ['a_low', 3],
      ['a_high', 3],
    ] as const) {
      const location = gl.getAttribLocation(program, name);
      gl.enableVertexAttribArray(location);
      gl.vertexAttribPointer(location, size, gl.FLOAT, false, floatsPerCell * 4, offset);
      gl.vertexAttribDivisor(location, 1);
      offset += size * 4;
    }
    return program;
  }
}

const unit = ([red, green, blue]: Rgb): [number, number, number] => [red / 255, green / 255, blue / 255];

class ImagePainter implements CellPainter {
  readonly kind = '2d';

  constructor(private readonly canvas: HTMLCanvasElement) {}

  paint(cells: readonly Cell[], atlas: HeadAtlas | undefined, ground: Rgb): void {
    const { width, height } = this.canvas;
    const context = this.canvas.getContext('2d');
    if (!context || width === 0 || height === 0) return;
    const image = context.createImageData(width, height);
    const { data } = image;
    for (let at = 0; at < data.length; at += 4) put(data, at, ground);
    const colours = new Uint8Array(256 * 3);
    for (const cell of cells) {
      fillColours(colours, cell, ground, atlas !== undefined);
      const side = atlas?.side ?? 1;
      for (let y = 0; y < cell.side; y += 1) {
        const texelRow = Math.min(side - 1, Math.floor(((y + 0.5) / cell.side) * side));
        for (let x = 0; x < cell.side; x += 1) {
          const texel = Math.min(side - 1, Math.floor(((x + 0.5) / cell.side) * side));
          const share = atlas
            ? (atlas.bytes[(cell.layer * side + texelRow) * atlas.width + cell.head * side + texel] ?? 0)
            : 0;
          const to = (Math.round(cell.y + y) * width + Math.round(cell.x + x)) * 4;
          put(data, to, [colours[share * 3] ?? 0, colours[share * 3 + 1] ?? 0, colours[share * 3 + 2] ?? 0]);
        }
      }
    }
    context.putImageData(image, 0, 0);
  }

  dispose(): void {
    this.canvas.width = 0;
  }
}

function fillColours(colours: Uint8Array, cell: Cell, ground: Rgb, pictures: boolean): void {
  for (let share = 0; share < 256; share += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      const low = cell.low[channel] ?? 0;
      const high = cell.high[channel] ?? 0;
      const value =
        cell.kind === 'fill'
          ? high
          : !pictures
            ? low
            : cell.kind === 'picture'
              ? (cividisTable[share * 3 + channel] ?? 0)
              : low + ((high - low) * share) / 255;
      const under = ground[channel] ?? 0;
      colours[share * 3 + channel] = Math.round(under + (value - under) * cell.strength);
    }
  }
}

function put(data: Uint8ClampedArray, at: number, [red, green, blue]: Rgb): void {
  data[at] = red;
  data[at + 1] = green;
  data[at + 2] = blue;
  data[at + 3] = 255;
}
