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

INSERT INTO public.consumer VALUES ('eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'scraper', '2026-11-28 16:36:45.851793+00');
INSERT INTO public.consumer VALUES ('4b7e36e6-fadc-44bd-8989-452f085f3c51', 'nightly', '2026-11-28 16:36:45.887782+00');
INSERT INTO public.consumer VALUES ('10526351-0bf8-4646-9aa8-101443d73718', 'idle', '2026-11-28 16:36:45.979485+00');


--
-- Data for Name: lease; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.lease VALUES ('5f79f679-1b16-4194-8844-72a17866e17c', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', 'eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'latam', 'active', '2026-11-28 16:36:45.855015+00', '2026-11-28 17:36:45.850835+00', NULL);
INSERT INTO public.lease VALUES ('db6bcdb6-66f5-4f78-92c2-0d56aeefd289', '00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', 'eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'latam', 'active', '2026-11-28 16:36:45.877597+00', '2026-11-28 17:36:45.866848+00', NULL);
INSERT INTO public.lease VALUES ('af30a5da-1f7f-4f13-817e-b7c45083fad3', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '4b7e36e6-fadc-44bd-8989-452f085f3c51', 'Europe (ü)', 'active', '2026-11-28 16:36:45.889548+00', '2027-02-26 16:36:45.887152+00', NULL);
INSERT INTO public.lease VALUES ('dd478ef0-1598-46dc-9d67-fbe81bd9f546', '00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', '4b7e36e6-fadc-44bd-8989-452f085f3c51', 'latam', 'active', '2026-11-28 16:36:45.905444+00', '2026-11-28 17:36:45.899162+00', NULL);
INSERT INTO public.lease VALUES ('9696def5-a1ac-470d-bed2-a68657ccb57d', '00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', 'eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'latam', 'active', '2026-11-28 16:36:45.917881+00', '2026-11-28 17:36:45.907772+00', NULL);
INSERT INTO public.lease VALUES ('85493d71-3953-4c82-8ffd-fc6ea2c033de', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', 'eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'Europe (ü)', 'released', '2026-11-28 16:36:45.945609+00', '2026-11-28 17:36:45.930848+00', '2026-11-28 16:36:45.947772+00');
INSERT INTO public.lease VALUES ('dc55e7de-b719-42db-9dca-1881fcfaa041', '00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', 'eef8fc6a-fcab-4a01-8560-508c5a5baf1f', 'Europe (ü)', 'active', '2026-11-28 16:36:45.969148+00', '2026-11-28 16:36:46.966841+00', NULL);


--
-- Data for Name: pool_selector_state; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.pool_selector_state VALUES ('00000000-0000-4000-8000-000000000001', 'round_robin', '00000000-0000-4000-8000-000000000012', '2026-11-28 16:36:45.986634+00', '2026-11-28 16:36:45.986634+00');


--
-- Data for Name: proxy; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000011', '00000000-0000-4000-8000-000000000001', '2001:db8::1', 8080, 'socks5', 'inactive', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:36:45.772585+00', '2026-11-28 16:36:45.772585+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000013', '00000000-0000-4000-8000-000000000002', '192.0.2.13', 8080, 'socks4', 'slow', 'null', '', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:36:45.791915+00', '2026-11-28 16:36:45.791915+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000020', '00000000-0000-4000-8000-000000000001', 'not a host', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:36:45.811818+00', '2026-11-28 16:36:45.811818+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000021', '00000000-0000-4000-8000-000000000001', '192.0.2.21', 8080, 'http', 'active', 'null', NULL, NULL, NULL, 1000, 10, NULL, -5, NULL, 0, '2026-11-28 16:36:45.82388+00', '2026-11-28 16:36:45.82388+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000023', '00000000-0000-4000-8000-000000000003', '192.0.2.23', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, '2026-11-28 16:36:45.84666+00', '2026-11-28 16:36:45.84666+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000022', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:36:45.834649+00', '2026-11-28 16:36:45.834649+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000010', '00000000-0000-4000-8000-000000000001', '192.0.2.10', 8080, 'http', 'active', '{"user": "anna b", "password": "p@ss:w/rd+\u00fc"}', 'list-a', 'AR', 'Córdoba', -31.4, -64.2, 'ISP S.A.', 64500, 2, 2, '2026-11-28 16:16:45.750965+00', '2026-11-28 16:36:45.766345+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000014', '00000000-0000-4000-8000-000000000002', '192.0.2.14', 8080, 'http', 'active', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 2, '2026-11-28 16:16:45.750965+00', '2026-11-28 16:36:45.802668+00');
INSERT INTO public.proxy VALUES ('00000000-0000-4000-8000-000000000012', '00000000-0000-4000-8000-000000000001', 'Proxy.Example.COM', 8080, 'https', 'banned', 'null', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 1, '2026-11-28 16:26:45.750965+00', '2026-11-28 16:36:45.779756+00');


--
-- Data for Name: proxy_pool; Type: TABLE DATA; Schema: public; Owner: -
--

INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000001', 'latam', 'residential, paid monthly', '2026-11-28 16:36:45.752641+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000002', 'Europe (ü)', NULL, '2026-11-28 16:36:45.759455+00');
INSERT INTO public.proxy_pool VALUES ('00000000-0000-4000-8000-000000000003', '', NULL, '2026-11-28 16:36:45.763321+00');


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


