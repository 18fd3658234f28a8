--
-- PostgreSQL database dump
--


-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: consumer; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.consumer (
    id uuid NOT NULL,
    name character varying(128) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: lease; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.lease (
    id uuid NOT NULL,
    proxy_id uuid NOT NULL,
    pool_id uuid NOT NULL,
    consumer_id uuid NOT NULL,
    pool_name character varying(128) NOT NULL,
    status character varying(8) DEFAULT 'active'::character varying NOT NULL,
    acquired_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    released_at timestamp with time zone
);


--
-- Name: pool_selector_state; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.pool_selector_state (
    pool_id uuid NOT NULL,
    strategy character varying(32) NOT NULL,
    last_proxy_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: proxy; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proxy (
    id uuid NOT NULL,
    pool_id uuid NOT NULL,
    host character varying(255) NOT NULL,
    port integer NOT NULL,
    protocol character varying(6) NOT NULL,
    status character varying(8) DEFAULT 'inactive'::character varying NOT NULL,
    credentials json,
    source character varying(255),
    country character varying(8),
    city character varying(128),
    latitude double precision,
    longitude double precision,
    isp character varying(255),
    asn integer,
    max_concurrency integer,
    latency_ms integer,
    current_leases integer DEFAULT 0 NOT NULL,
    checked_at timestamp with time zone DEFAULT now() NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: proxy_pool; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.proxy_pool (
    id uuid NOT NULL,
    name character varying(128) NOT NULL,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Data for Name: consumer; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.consumer VALUES ('55639055-dc95-4672-b538-8e57691f21a2', 'scraper', '2026-11-28 16:37:02.751651+00');
INSERT INTO public.consumer VALUES ('6512148a-50a6-4176-a4dd-8a161edf0740', 'nightly', '2026-11-28 16:37:02.766631+00');
INSERT INTO public.consumer VALUES ('5e06a146-ad99-451c-a0c7-3a845fba4d96', 'idle', '2026-11-28 16:37:02.794911+00');


--
-- Data for Name: lease; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lease VALUES ('e0d225a0-8049-410f-b3b1-db99abb22292', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '55639055-dc95-4672-b538-8e57691f21a2', 'latam', 'active', '2026-11-28 16:37:02.753698+00', '2026-11-28 17:37:02.750778+00', NULL);
INSERT INTO public.lease VALUES ('d44d0153-a05c-4ad8-8a37-6061ade1c739', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '55639055-dc95-4672-b538-8e57691f21a2', 'latam', 'active', '2026-11-28 16:37:02.760938+00', '2026-11-28 17:37:02.75876+00', NULL);
INSERT INTO public.lease VALUES ('11232faa-0175-48ed-b891-8124b815c38c', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '6512148a-50a6-4176-a4dd-8a161edf0740', 'Europe (ü)', 'active', '2026-11-28 16:37:02.767345+00', '2027-02-26 16:37:02.766332+00', NULL);
INSERT INTO public.lease VALUES ('ba03aa81-2d7d-4c8e-a212-cfc0815e804b', '00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', '6512148a-50a6-4176-a4dd-8a161edf0740', 'latam', 'active', '2026-11-28 16:37:02.77182+00', '2026-11-28 17:37:02.770674+00', NULL);
INSERT INTO public.lease VALUES ('dd66b17b-ab8f-4d5a-a4b3-9e6eee80ced9', '00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '55639055-dc95-4672-b538-8e57691f21a2', 'latam', 'active', '2026-11-28 16:37:02.775834+00', '2026-11-28 17:37:02.774686+00', NULL);
INSERT INTO public.lease VALUES ('4cc00148-181d-4fd6-88c5-6a5cc08f630e', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '55639055-dc95-4672-b538-8e57691f21a2', 'Europe (ü)', 'released', '2026-11-28 16:37:02.779846+00', '2026-11-28 17:37:02.778674+00', '2026-11-28 16:37:02.782676+00');
INSERT INTO public.lease VALUES ('7cd727d8-7660-48ea-84fd-eee7de76dbdb', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '55639055-dc95-4672-b538-8e57691f21a2', 'Europe (ü)', 'active', '2026-11-28 16:37:02.79215+00', '2026-11-28 16:37:03.790738+00', NULL);


--
-- Data for Name: pool_selector_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pool_selector_state VALUES ('00000000-0000-4000-8000-000000000001', 'round_robin', '00000000-0000-4000-8000-000000000012', '2026-11-28 16:37:02.806525+00', '2026-11-28 16:37:02.806525+00');


--
-- Data for Name: proxy; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', '2001:db8::1', 8080, 'socks5', 'inactive', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:02.716886+00', '2026-11-28 16:37:02.716886+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000002', '192.0.2.13', 8080, 'socks4', 'slow', 'null', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:02.727274+00', '2026-11-28 16:37:02.727274+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000020', '00000000-0000-4000-8000-000000000001', 'not a host', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:02.735173+00', '2026-11-28 16:37:02.735173+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', '192.0.2.21', 8080, 'http', 'active', 'null', NULL, NULL, NULL, 1000, 10, NULL, -5, NULL, NULL, 0, '2026-11-28 16:37:02.739324+00', '2026-11-28 16:37:02.739324+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000003', '192.0.2.23', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:37:02.747147+00', '2026-11-28 16:37:02.747147+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:37:02.743201+00', '2026-11-28 16:37:02.743201+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', 'list-a', 'AR', 'Córdoba', -31.4, -64.2, 'ISP S.A.', 64500, 2, 120, 2, '2026-11-28 16:17:02.698801+00', '2026-11-28 16:37:02.712155+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '192.0.2.14', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 80, 2, '2026-11-28 16:17:02.698801+00', '2026-11-28 16:37:02.731245+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Proxy.Example.COM', 8080, 'https', 'banned', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 1, '2026-11-28 16:27:02.698801+00', '2026-11-28 16:37:02.723401+00');


--
-- Data for Name: proxy_pool; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000001', 'latam', 'residential, paid monthly', '2026-11-28 16:37:02.699809+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000002', 'Europe (ü)', NULL, '2026-11-28 16:37:02.70105+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000003', '', NULL, '2026-11-28 16:37:02.707147+00');


--
-- Name: consumer consumer_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consumer
    ADD CONSTRAINT consumer_name_key UNIQUE (name);


--
-- Name: consumer consumer_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.consumer
    ADD CONSTRAINT consumer_pkey PRIMARY KEY (id);


--
-- Name: lease lease_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pkey PRIMARY KEY (id);


--
-- Name: pool_selector_state pk_pool_selector_state; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pool_selector_state
    ADD CONSTRAINT pk_pool_selector_state PRIMARY KEY (pool_id, strategy);


--
-- Name: proxy proxy_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy
    ADD CONSTRAINT proxy_pkey PRIMARY KEY (id);


--
-- Name: proxy_pool proxy_pool_name_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_pool
    ADD CONSTRAINT proxy_pool_name_key UNIQUE (name);


--
-- Name: proxy_pool proxy_pool_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy_pool
    ADD CONSTRAINT proxy_pool_pkey PRIMARY KEY (id);


--
-- Name: lease lease_consumer_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_consumer_id_fkey FOREIGN KEY (consumer_id) REFERENCES public.consumer(id);


--
-- Name: lease lease_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id);


--
-- Name: lease lease_proxy_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.lease
    ADD CONSTRAINT lease_proxy_id_fkey FOREIGN KEY (proxy_id) REFERENCES public.proxy(id);


--
-- Name: pool_selector_state pool_selector_state_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.pool_selector_state
    ADD CONSTRAINT pool_selector_state_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id) ON DELETE CASCADE;


--
-- Name: proxy proxy_pool_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.proxy
    ADD CONSTRAINT proxy_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES public.proxy_pool(id);


--
-- PostgreSQL database dump complete
--


