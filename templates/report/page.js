'use strict';
// A layer that is clicked is shown in every picture and in the table; headings of the table sort it.

const details = document.getElementById('details');
const parts = [...document.querySelectorAll('[data-layer]')];

function choose(layer) {
  for (const part of parts) part.classList.toggle('chosen', part.dataset.layer === layer);
  const row = document.querySelector(`tr[data-layer="${layer}"]`);
  details.hidden = row === null;
  details.textContent = row === null ? '' : row.title;
}

for (const part of parts) {
  part.addEventListener('click', () => choose(part.classList.contains('chosen') ? '' : part.dataset.layer));
  part.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') choose(part.dataset.layer);
  });
}
document.addEventListener('keydown', (event) => {
  if (event.key === 'Escape') choose('');
});

const headings = [...document.querySelectorAll('#layers th')];
const body = document.querySelector('#layers tbody');

function sortBy(heading) {
  const column = Number(heading.dataset.column);
  const isText = !heading.classList.contains('number') && !heading.classList.contains('bar');
  const first = isText || column < 2 ? 'ascending' : 'descending';
  const other = first === 'ascending' ? 'descending' : 'ascending';
  const order = heading.getAttribute('aria-sort') === first ? other : first;
  for (const each of headings) each.removeAttribute('aria-sort');
  heading.setAttribute('aria-sort', order);
  const sign = order === 'ascending' ? 1 : -1;
  const key = (row) => row.cells[column].dataset.key;
  const compare = isText ? (a, b) => key(a).localeCompare(key(b)) : (a, b) => Number(key(a)) - Number(key(b));
  body.append(...[...body.rows].sort((a, b) => sign * compare(a, b)));
}

for (const heading of headings) {
  heading.addEventListener('click', () => sortBy(heading));
  heading.addEventListener('keydown', (event) => {
    if (event.key === 'Enter') sortBy(heading);
  });
}

// A wide graph opens where it begins.
const graph = document.querySelector('.scroll');
const start = graph?.querySelector('.tensor rect, .box rect');
if (start) graph.scrollLeft = start.x.baseVal.value + start.width.baseVal.value / 2 - graph.clientWidth / 2;
