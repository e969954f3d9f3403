// The net as a picture: one box per layer in execution order from top to bottom, with its kernel, and arrows for what is
// read. Boxes are laid out here (layered layout, dagre), so that the page needs no code to show them.

import { Graph, type Edge as GraphEdge, layout } from '@dagrejs/dagre';
import { formatTime } from '../format.js';
import type { FlowEnd } from './data-flow.js';
import { layerLines, layerName } from './layer-text.js';
import type { ReportData, ReportLayer, ReportTensor } from './report-data.js';
import { element, label, picture, round, shorten, tooltip } from './svg.js';

const kJoin = 'join of ';
const kJoinBox = { width: 140, height: 20 } as const;
const kBox = { width: 216, height: 46 } as const;
const kTextLength = 33;
const kStrongLength = 29;
/** Beyond so many boxes, a fast ranker: the best one takes its time. */
const kManyBoxes = 400;

interface Point {
  readonly x: number;
  readonly y: number;
}

interface Placed {
  readonly node: ReadonlyMap<string, Point>;
  readonly joins: readonly (Point & { readonly label: string })[];
  readonly arrows: readonly (readonly Point[])[];
  readonly width: number;
  readonly height: number;
}

/** The graph at one unit per pixel. */
export function graphPicture(data: ReportData): string {
  const placed = place(data);
  const at = (end: FlowEnd): Point => placed.node.get(nameOf(end)) ?? { x: 0, y: 0 };
  const boxes = [
    ...data.inputs.map((tensor, index) => tensorBox(tensor, 'input', at({ kind: 'input', index }))),
    ...data.layers.map((layer) => layerBox(layer, at({ kind: 'layer', index: layer.index }))),
    ...placed.joins.map(joinBox),
    ...data.outputs.map((tensor, index) => tensorBox(tensor, 'output', at({ kind: 'output', index }))),
  ];
  const arrows = placed.arrows.map((points) => element('path', { d: curve(points), class: 'arrow' }));
  const svg = picture(placed.width, placed.height, 'graph of the net', arrowHead(), ...arrows, ...boxes);
  return svg.replace('<svg ', `<svg width="${round(placed.width)}" height="${round(placed.height)}" `);
}

function nameOf({ kind, index }: FlowEnd): string {
  return `${kind}${index}`;
}

function place({ inputs, layers, outputs, reads }: ReportData): Placed {
  const graph = new Graph();
  const ranker = layers.length > kManyBoxes ? 'longest-path' : 'network-simplex';
  graph.setGraph({ rankdir: 'TB', nodesep: 22, ranksep: 26, marginx: 12, marginy: 12, ranker });
  graph.setDefaultEdgeLabel(() => ({}));
  inputs.forEach((_, index) => void graph.setNode(nameOf({ kind: 'input', index }), { ...kBox }));
  layers.forEach((_, index) => void graph.setNode(nameOf({ kind: 'layer', index }), { ...kBox }));
  outputs.forEach((_, index) => void graph.setNode(nameOf({ kind: 'output', index }), { ...kBox }));
  const joins: Join[] = [];
  for (const { from, to, name } of reads) {
    const [first] = from;
    if (from.length === 1 && first !== undefined) graph.setEdge(nameOf(first), nameOf(to));
    else graph.setEdge(join(graph, joins, from, name), nameOf(to));
  }
  layout(graph);
  const names: readonly string[] = graph.nodes();
  const { width = 0, height = 0 } = graph.graph() as { readonly width?: number; readonly height?: number };
  return {
    node: new Map(names.map((name) => [name, graph.node(name) as Point])),
    joins: names
      .filter((name) => name.startsWith(kJoin))
      .map((name) => graph.node(name) as Point & { readonly label: string }),
    arrows: graph.edges().map((edge: GraphEdge) => (graph.edge(edge) as { readonly points: readonly Point[] }).points),
    width,
    height,
  };
}

/**
 * The node in which the parts of a tensor meet; one for all that read the same parts. What earlier nodes have joined goes in
 * as one arrow: the layers of a dense block read longer and longer lists.
 */
function join(graph: Graph, joins: Join[], from: readonly FlowEnd[], name: string): string {
  const parts = new Set(from.map(nameOf));
  const node = `${kJoin}${[...parts].sort().join('+')}`;
  if (graph.hasNode(node)) return node;
  graph.setNode(node, { ...kJoinBox, label: name });
  const missing = new Set(parts);
  for (const { node: inner, parts: own } of [...joins].sort((x, y) => y.parts.size - x.parts.size)) {
    if (![...own].every((part) => missing.has(part))) continue;
    graph.setEdge(inner, node);
    for (const part of own) missing.delete(part);
  }
  for (const part of missing) graph.setEdge(part, node);
  joins.push({ node, parts });
  return node;
}

interface Join {
  readonly node: string;
  readonly parts: ReadonlySet<string>;
}

/** A line through the first and the last point, rounded at those between. */
function curve(points: readonly Point[]): string {
  const at = ({ x, y }: Point): string => `${round(x)} ${round(y)}`;
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return '';
  const inner = rest.slice(0, -1).map((point, i) => {
    const next = rest[i + 1] ?? last;
    const end = i === rest.length - 2 ? next : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${at(point)} ${at(end)}`;
  });
  return `M${at(first)}${inner.length === 0 ? `L${at(last)}` : inner.join('')}`;
}

function arrowHead(): string {
  const marker = { id: 'head', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 6, markerHeight: 6, orient: 'auto' };
  return element('defs', {}, element('marker', marker, element('path', { d: 'M0 0L8 4L0 8Z', class: 'head' })));
}

function layerBox(layer: ReportLayer, { x, y }: Point): string {
  const { index, color, kernel, fused, result, ms } = layer;
  const time = ms === undefined ? '' : formatTime(ms);
  const { width, height } = kBox;
  const [left, top] = [x - width / 2, y - height / 2];
  const first = shorten(layerName(layer), kStrongLength - time.length);
  const second = shorten(`${kernel}${fused === '' ? '' : ` ${fused}`}`, kTextLength);
  return element(
    'g',
    { class: 'box', 'data-layer': index, tabindex: 0 },
    tooltip(layerLines(layer)),
    element('rect', { x: left, y: top, width, height, rx: 5, class: 'paper' }),
    element('rect', { x: left, y: top, width: 5, height, class: `fill${color}` }),
    label(left + 11, top + 14, first, { class: 'strong' }),
    label(left + width - 6, top + 14, time, { class: 'quiet', 'text-anchor': 'end' }),
    label(left + 11, top + 28, second, {}),
    label(left + 11, top + 41, shorten(result, kTextLength), { class: 'quiet' }),
  );
}

function tensorBox({ name, type }: ReportTensor, kind: string, { x, y }: Point): string {
  const { width, height } = kBox;
  const [left, top] = [x - width / 2, y - height / 2];
  return element(
    'g',
    { class: 'tensor' },
    tooltip([`${kind} ${name}`, type]),
    element('rect', { x: left, y: top, width, height, rx: height / 2, class: 'paper' }),
    label(x, top + 20, shorten(`${kind} ${name}`, kStrongLength - 2), { class: 'strong', 'text-anchor': 'middle' }),
    label(x, top + 35, shorten(type, kTextLength - 4), { class: 'quiet', 'text-anchor': 'middle' }),
  );
}

/** Where the pieces of a concat come together: no step, the pieces were written in place. */
function joinBox({ label: name, x, y }: Point & { readonly label: string }): string {
  const { width, height } = kJoinBox;
  return element(
    'g',
    {},
    tooltip([name, 'its parts were written in place']),
    element('rect', { x: x - width / 2, y: y - height / 2, width, height, rx: height / 2, class: 'join' }),
    label(x, y + 4, shorten(name, 20), { class: 'quiet', 'text-anchor': 'middle' }),
  );
}
